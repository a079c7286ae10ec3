"""The record of a page's last complete run, and whether it still speaks of the page as it is."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from guide import ROOT, archive
from guide.page import Page, parse

FOLDER = ".cache/records"
LOCKS = ("requirements.txt", "tests/python-version.txt", "tests/wheelhouse/*.txt")


@dataclass
class Record:
    """What ran, when and with what; written only by a run in which every line was as the page shows it."""

    page: str  # relative to the repository
    fingerprint: str
    commands: int
    date: str  # ISO 8601, UTC
    python: str
    pip: str | None
    others: list[str] = field(default_factory=list)  # versions of the other Pythons that blocks asked for


def fingerprint(page: Page, python: str, root: Path = ROOT) -> str:
    """Hash all that a run of the page depends on: itself, what it includes or starts from, the locks, the Python.

    Args:
        page: the page as parsed.
        python: the version that ran it, like 3.13.0.
        root: the repository.

    Returns:
        A SHA-256 in hexadecimal.
    """
    files = {page.path, *page.includes}
    for example in page.starts:
        files.update(root / "examples" / example / name for name in archive.files(example, root))
    for pattern in LOCKS:
        files.update(root.glob(pattern))
    digest = hashlib.sha256(python.encode())
    for file in sorted(files):
        if ".generated" not in file.parts:  # drawn from the other files, and from these records
            digest.update(b"\0" + file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def load(page: Path, root: Path = ROOT) -> Record | None:
    """Give the last record of a page, or None where there is none that can be read."""
    try:
        return Record(**json.loads(_file(page, root).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def save(record: Record, root: Path = ROOT) -> None:
    """Write a record, whole or not at all."""
    target = _file(root / record.page, root)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".new")
    draft.write_text(json.dumps(asdict(record), indent=1) + "\n", "utf-8")
    draft.replace(target)


def is_current(record: Record, root: Path = ROOT) -> bool:
    """Tell whether nothing that the run depended on has changed since."""
    page = root / record.page
    return page.is_file() and fingerprint(parse(page, root), record.python, root) == record.fingerprint


def _file(page: Path, root: Path) -> Path:
    return root / FOLDER / (page.relative_to(root).as_posix() + ".json")
