"""Read what an index says about a file: from its name, its bytes and its metadata."""

import gzip
import hashlib
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from packaging.metadata import parse_email
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

METADATA_LIMIT = 4 * 1024 * 1024  # bytes; a long README is in there, nothing longer
BLOCK = 1024 * 1024  # bytes read at once
NAME_LIMIT = 255 - len(".metadata")  # characters; file systems take 255
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
ARCHIVE_ERRORS = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error)
DAMAGED = (*ARCHIVE_ERRORS, EOFError, OSError, RuntimeError, ValueError)


class Refused(ValueError):
    """Something that cannot go into an index; the message names it and says what to do."""


@dataclass(frozen=True)
class IndexedFile:
    """One wheel or sdist, as an index describes it.

    Attributes:
        filename: The file's name, without a folder.
        project: The project's normalised name (PEP 503).
        version: The version that the file name carries.
        size: Bytes.
        sha256: Hexadecimal digest of the file.
        requires_python: The `Requires-Python` of its metadata, if any.
        metadata_sha256: Digest of a wheel's metadata, served beside it (PEP 658); None for an sdist.
        metadata: The wheel's metadata, where the file was read just now.
    """

    filename: str
    project: str
    version: Version
    size: int
    sha256: str
    requires_python: str | None = None
    metadata_sha256: str | None = None
    metadata: bytes | None = field(default=None, repr=False, compare=False)


def read_name(filename: str) -> tuple[str, Version]:
    """Return the normalised project name and the version that a file name carries.

    Raises:
        Refused: The name is not that of a wheel or an sdist.
    """
    try:
        if not SAFE_NAME.fullmatch(filename):
            raise Refused(f"{filename!a}: a file name has only ASCII letters, digits and . _ + ! -; rename it")
        if len(filename) > NAME_LIMIT:
            raise Refused(
                f"{filename}: a file name has at most {NAME_LIMIT} characters; build it again with a shorter version"
            )
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[:2]
        if filename.endswith(".tar.gz"):
            return parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        kind = "a wheel" if filename.endswith(".whl") else "an sdist"
        raise Refused(f"{filename}: not the name of {kind}; build it again instead of renaming it") from None
    raise Refused(f"{filename}: neither a wheel (.whl) nor an sdist (.tar.gz); move it out of the folder")


def read_file(path: Path) -> IndexedFile:
    """Read one wheel or sdist and check that its metadata agrees with its name.

    Raises:
        Refused: The name, the archive or the metadata is not in order.
    """
    project, version = read_name(path.name)
    if not path.is_file():
        raise Refused(f"{path.name}: not a file; move it out of the folder")
    metadata = read_metadata(path)
    beside = path.suffix == ".whl"
    return IndexedFile(
        filename=path.name,
        project=project,
        version=version,
        size=path.stat().st_size,
        sha256=hash_file(path),
        requires_python=_check_metadata(path.name, metadata, project, version),
        metadata_sha256=hashlib.sha256(metadata).hexdigest() if beside else None,
        metadata=metadata if beside else None,
    )


def hash_file(path: Path) -> str:
    """Return the SHA-256 digest of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_metadata(path: Path) -> bytes:
    """Return the bytes of a wheel's `METADATA` or an sdist's `PKG-INFO`.

    Raises:
        Refused: The archive is damaged or has no metadata.
    """
    try:
        found = _wheel_metadata(path) if path.suffix == ".whl" else _sdist_metadata(path)
    except PermissionError:
        raise
    except DAMAGED as error:
        raise Refused(f"{path.name}: damaged or cut short; build or download it again") from error
    if found is None:
        raise Refused(f"{path.name}: no readable metadata inside; build it again")
    return found


def _wheel_metadata(path: Path) -> bytes | None:
    project = canonicalize_name(path.name.partition("-")[0])
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        if [canonicalize_name(name.partition("-")[0]) for name in names] != [project]:
            return None
        if wheel.getinfo(names[0]).file_size > METADATA_LIMIT:
            return None
        if damaged := wheel.testzip():
            raise zipfile.BadZipFile(damaged)
        return wheel.read(names[0])


def _sdist_metadata(path: Path) -> bytes | None:
    found = None
    with gzip.open(path) as unpacked:
        with tarfile.open(fileobj=unpacked) as sdist:
            for member in sdist:
                if re.fullmatch(r"[^/]+/PKG-INFO", member.name) and member.size <= METADATA_LIMIT:
                    found = (sdist.extractfile(member) or io.BytesIO()).read()
        while unpacked.read(BLOCK):  # to its end, where its checksum is
            pass
    return found


def _check_metadata(filename: str, metadata: bytes, project: str, version: Version) -> str | None:
    """Compare metadata with the file's name, and return its `Requires-Python`."""
    fields, _ = parse_email(metadata)
    name, number, python = fields.get("name", ""), fields.get("version", ""), fields.get("requires_python")
    try:
        if canonicalize_name(name) != project or Version(number) != version:
            raise Refused(f"{filename}: its metadata says {name} {number}; build it again instead of renaming it")
        if python is not None:
            SpecifierSet(python)
    except InvalidVersion:
        raise Refused(f"{filename}: its metadata has the version {number!r}; correct it and build again") from None
    except InvalidSpecifier:
        raise Refused(f"{filename}: its Requires-Python is {python!r}; correct it and build again") from None
    return python
