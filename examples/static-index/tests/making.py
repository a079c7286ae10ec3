"""Make small wheels and sdists, the same bytes each time."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

STAMP = (2026, 1, 1, 0, 0, 0)


def metadata(name: str, version: str, requires_python: str | None = ">=3.11") -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if requires_python is not None:
        lines.append(f"Requires-Python: {requires_python}")
    return ("\n".join(lines) + "\n").encode()


def wheel(folder: Path, name: str, version: str, told: bytes | None = None, code: str = "") -> Path:
    """Make a wheel that pip installs; `told` replaces its metadata."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    members = {
        f"{name}.py": code.encode(),
        f"{info}/METADATA": metadata(name, version) if told is None else told,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: making\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{member},,\n" for member in [*members, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in {**members, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(member, STAMP), content)
    return path


def sdist(folder: Path, name: str, version: str, told: bytes | None = None) -> Path:
    """Make an sdist; `told` replaces its metadata."""
    path = folder / f"{name}-{version}.tar.gz"
    content = metadata(name, version) if told is None else told
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Read every file under a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
