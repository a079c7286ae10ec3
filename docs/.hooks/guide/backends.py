"""What six build backends make of one project, as tables, from what the example `six-backends` prints about it.

tests/test_backends.py builds the project again and compares; `make update` writes the data file anew.
"""

import tomllib
from pathlib import Path

from guide import ROOT

DATA = "docs/assets/backends.toml"

# Columns of each table: the words above it, and what stands in it for one backend.
TABLES = {
    "wheel": {
        "Data file": lambda built: _has("high_tide/heights.csv", built["wheel_lacks"]),
        "Ignored by git": lambda built: _has("high_tide/generated.txt", built["wheel_lacks"]),
        "Metadata": lambda built: built["metadata"],
    },
    "sdist": {
        "Tests": lambda built: _has("tests/test_high_tide.py", built["sdist_lacks"]),
        "docs/": lambda built: _has("docs/heights.md", built["sdist_lacks"]),
        "notes.txt": lambda built: _has("notes.txt", built["sdist_lacks"]),
    },
    "again": {
        "Wheel": lambda built: _word(built["wheel_again"]),
        "sdist": lambda built: _word(built["sdist_again"]),
        "Folder clean": lambda built: _word(not built["left"]),
    },
}


def read(root: Path = ROOT) -> dict[str, dict]:
    """Read what each backend made, by the name of the backend."""
    return tomllib.loads((root / DATA).read_text("utf-8"))


def tables(built: dict[str, dict]) -> str:
    """Write the tables as Markdown, each in a section that a page includes by its name."""
    return "\n".join(_section(name, columns, built) for name, columns in TABLES.items())


def _section(name: str, columns: dict, built: dict[str, dict]) -> str:
    lines = [["Backend", *columns], ["---"] * (len(columns) + 1)]
    lines += [[backend, *(cell(made) for cell in columns.values())] for backend, made in built.items()]
    table = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([f"<!-- --8<-- [start:{name}] -->", *table, f"<!-- --8<-- [end:{name}] -->", ""])


def _has(name: str, lacks: list[str]) -> str:
    return _word(name not in lacks)


def _word(said: bool) -> str:
    return "yes" if said else "no"
