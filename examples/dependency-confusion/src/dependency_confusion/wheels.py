"""Write small wheels, byte for byte the same each time."""

import base64
import hashlib
import zipfile
from pathlib import Path

EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip file cannot say an earlier time


def write_wheel(folder: Path, name: str, version: str, code: str, requires: str | None = None) -> Path:
    """Write the wheel of a project with one module, in the form of the specification of wheels.

    Args:
        folder: where the wheel goes.
        name: of the project; its module has underscores for hyphens.
        version: of the project.
        code: what importing the module runs.
        requires: the project that it depends on.

    Returns:
        The wheel.
    """
    module = name.replace("-", "_")
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    information = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": code,
        f"{information}/METADATA": metadata + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: dependency-confusion\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{information}/RECORD"] = record + f"{information}/RECORD,,\n"

    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, EARLIEST), text)
    return wheel


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
