"""Which keys open the service: a file with one JSON object per line, which has no key, only its hash."""

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")  # shorter than any key, so that a key is no name
SHA256 = re.compile(r"[0-9a-f]{64}")
FIELD = re.compile(r"[a-z0-9_-]{1,20}")  # what is shown of a field that is not known
FIELDS = ("name", "sha256", "expires")
LARGEST = 1_000_000  # bytes of a file of keys
RANDOM = 32  # bytes of a key: with 112 bits or more, a plain hash is enough (NIST SP 800-63B-4, 3.1.2.2)


class Refused(ValueError):
    """Something cannot be used; the message names it, and shows no secret."""


@dataclass(frozen=True)
class Key:
    """A key of the service, without the key itself."""

    name: str
    sha256: str
    expires: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Tell whether the key still opens the service."""
        return self.expires is None or now < self.expires


# --8<-- [start:find]
def hashed(key: str) -> str:
    """Return what the file keeps of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def find(keys: Sequence[Key], presented: str) -> Key | None:
    """Return the key that a client presents, valid or expired, or None.

    It compares with each key, and each comparison takes the same time, so that the time tells nothing.

    Args:
        keys: those of the service.
        presented: what the client sent.
    """
    found, digest = None, hashed(presented)
    for key in keys:
        if hmac.compare_digest(key.sha256, digest):
            found = key
    return found


# --8<-- [end:find]


def read_keys(file: Path, called: str = "") -> tuple[Key, ...]:
    """Read a file of keys.

    Args:
        file: of one JSON object per line, with `name`, `sha256` and, where the key expires, `expires`.
        called: what a message calls a file that cannot be opened; its path may be a key in the wrong place.

    Raises:
        Refused: it is not there, cannot be read, has no key, or has lines that are none; each is named.
    """
    called = called or str(file)
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise Refused(f"{called}: not a file; expected the path of a file of keys")
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise Refused(f"{called}: no such file; make it with: secret-rotation add NAME KEYFILE") from None
    except (OSError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise Refused(f"{called}: {reason}; expected a file that this user may read") from None
    if len(content) > LARGEST:
        raise Refused(f"{file}: more than {LARGEST:,} bytes; expected one line per key")
    return parse(content, str(file))


def parse(content: bytes, called: str) -> tuple[Key, ...]:
    """Read the lines of a file of keys.

    Args:
        content: of the file.
        called: what messages call it.

    Raises:
        Refused: naming each fault with its line.
    """
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(f"{called}:{line}: expected UTF-8, found other bytes") from None
    keys: list[Key] = []
    faults: list[str] = []
    places: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        key, wrong = _key(line)
        for text in (key.name, key.sha256) if key else ():
            if text in places:
                wrong.append(f"{'sha256' if text == key.sha256 else 'name'}: the same as in line {places[text]}")
            places.setdefault(text, number)
        faults += [f"{called}:{number}: {fault}" for fault in wrong]
        keys += [key] if key else []
    if not keys and not faults:
        faults = [f"{called}: no key in it; expected one line per key, made by: secret-rotation add NAME KEYFILE"]
    if faults:
        raise Refused("\n".join(faults))
    return tuple(keys)


def _key(line: str) -> tuple[Key | None, list[str]]:
    """Read one line: give the key, or what is wrong. A value is never part of a fault: it may be a secret."""
    try:
        fields = json.loads(line, object_pairs_hook=_once)
    except Refused as fault:
        return None, [str(fault)]
    except (ValueError, RecursionError):
        return None, ['not JSON; expected {"name": "...", "sha256": "..."}']
    if not isinstance(fields, dict):
        return None, ['expected an object: {"name": "...", "sha256": "..."}']
    faults = [
        f"unknown field{f' {name!r}' * bool(FIELD.fullmatch(name))}; expected {', '.join(FIELDS)}"
        for name in fields
        if name not in FIELDS
    ]
    if not _matches(NAME, fields.get("name")):
        faults.append("name: expected 1 to 32 letters, digits, '.', '-' and '_'")
    if not _matches(SHA256, fields.get("sha256")):
        faults.append("sha256: expected 64 hexadecimal digits in lower case")
    expires = fields.get("expires")
    try:
        expires = None if expires is None else read_time(expires)
    except Refused as fault:
        faults.append(f"expires: {fault}")
    return (None, faults) if faults else (Key(fields["name"], fields["sha256"], expires), [])


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Refused("a field stands twice; expected each once")
    return fields


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def read_time(text: object) -> datetime:
    """Read a point in time such as 2027-01-31T12:00:00Z; without a time of day, the day begins in UTC.

    Raises:
        Refused: it is none, or does not say which zone it is in.
    """
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Refused("expected a time such as 2027-01-31T12:00:00Z") from None
    if time.tzinfo is None and len(text) > len("2027-01-31"):
        raise Refused("expected a time with its zone, such as 2027-01-31T12:00:00Z")
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        raise Refused("expected a time between the years 2 and 9998") from None


# --8<-- [start:add]
def add_key(file: Path, name: str, key_file: Path, expires: datetime | None = None, called: str = "") -> None:
    """Make a key that is valid beside the others. A service that runs knows it at the next request.

    Args:
        file: of the hashes; it is made where it is missing.
        name: of the key, such as the month in which it is made.
        key_file: where the key goes, for its owner's eyes only. It is kept nowhere else.
        expires: from when on the key is no longer valid, if that is known.
        called: what a message calls a file that cannot be opened.

    Raises:
        Refused: the name or a file cannot be used, or another change is under way; nothing is changed.
    """
    if not NAME.fullmatch(name):
        raise Refused("NAME: expected 1 to 32 letters, digits, '.', '-' and '_'")
    with _alone(file, called) as real:
        keys = read_keys(file, called) if os.path.lexists(file) else ()
        if name in [key.name for key in keys]:
            raise Refused("NAME: there is a key of that name; expected another")
        key = "sk-" + secrets.token_urlsafe(RANDOM)
        _write_new(key_file, key + "\n")
        try:
            _replace(real, [*keys, Key(name, hashed(key), expires)], called)
        except BaseException:
            key_file.unlink()
            raise


# --8<-- [end:add]


def retire_key(file: Path, name: str, expires: datetime, called: str = "") -> None:
    """Let a key expire. It stays in the file, so that the service can say who still uses it.

    Args:
        file: of the hashes.
        name: of the key.
        expires: from when on the key is no longer valid.
        called: what a message calls a file that cannot be opened.

    Raises:
        Refused: there is no such key, the file cannot be used, or another change is under way; nothing is changed.
    """
    with _alone(file, called) as real:
        keys = read_keys(file, called)
        if name not in [key.name for key in keys]:
            raise Refused(f"NAME: there is no such key; expected one of: {', '.join(key.name for key in keys)}")
        _replace(real, [replace(key, expires=expires) if key.name == name else key for key in keys], called)


@contextmanager
def _alone(file: Path, called: str) -> Iterator[Path]:
    """Let one change the file at a time: of two that read the same, the second would undo what the first wrote.

    It gives the file's real path, so that a link to the file stays one.
    """
    try:
        real = Path(os.path.realpath(file))
        lock = real.parent / f".{real.name}.lock"
        os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        fault = "another change is under way; try again, or remove the file .*.lock beside it if none is"
        raise Refused(f"{called or file}: {fault}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise Refused(f"{called or file}: {reason}; expected a folder that this user may write to") from None
    try:
        yield real
    finally:
        lock.unlink()


def _write_new(file: Path, text: str) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
        except BaseException:
            file.unlink()
            raise
    except FileExistsError:
        raise Refused("KEYFILE: is there already; expected the name of a new file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise Refused(f"KEYFILE: {reason}; expected the name of a new file") from None


# --8<-- [start:replace]
def _replace(file: Path, keys: Sequence[Key], called: str) -> None:
    """Put a new file in place at once: who reads it finds the old one or the new one, whole."""
    try:
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # for its owner only
    except OSError as error:
        raise Refused(f"{called or file}: {error.strerror}; expected a folder that this user may write to") from None
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(map(_line, keys))
            stream.flush()
            os.fsync(stream.fileno())  # so that it is whole after a crash
        _keep_rights(file, draft)
        os.replace(draft, file)
    except BaseException:
        os.unlink(draft)
        raise


# --8<-- [end:replace]


def _keep_rights(file: Path, draft: str) -> None:
    """Let the new file be read by those who may read the old one: the service may run as another user."""
    if file.exists():
        status = file.stat()
        os.chmod(draft, stat.S_IMODE(status.st_mode))
        if os.name == "posix" and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, status.st_uid, status.st_gid)


def _line(key: Key) -> str:
    fields = {"name": key.name, "sha256": key.sha256}
    if key.expires:
        fields["expires"] = key.expires.isoformat(timespec="seconds").replace("+00:00", "Z")
    return json.dumps(fields) + "\n"
