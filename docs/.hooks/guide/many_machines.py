"""What clients of a site on four machines met while some of them failed, as tables, from what a test counted.

`make test-all ARGS='tests/test_many_machines.py --update-pages'` counts again, and writes the data file.
"""

import tomllib
from pathlib import Path

from guide import ROOT

DATA = "docs/assets/many-machines.toml"
COUNTS = (
    *("reads", "reads_failed", "broken_off", "writes", "writes_failed"),
    *("acknowledged", "lost", "doubled", "slowest"),
)


def read(root: Path = ROOT) -> dict:
    """Read what was counted, when, and with which programs."""
    return {"phases": [], "without": []} | tomllib.loads((root / DATA).read_text("utf-8"))


def write(counted: dict) -> str:
    """Write what was counted, as the data file.

    Args:
        counted: as `read` gives it.
    """
    lines = [
        "# What clients met, phase by phase. tests/test_many_machines.py writes this.",
        f"date = {counted['date']}",
        f'programs = "{counted["programs"]}"',
    ]
    for kind in ("phases", "without"):
        for row in counted[kind]:
            lines += ["", f"[[{kind}]]", f'name = "{row["name"]}"', *(f"{what} = {row[what]}" for what in COUNTS)]
    return "\n".join([*lines, ""])


def table(counted: dict) -> str:
    """Write the table of what the machines withstand, as Markdown."""
    lines = ["| While | Reads failed | Writes failed | Writes lost |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"{_failed(row)} | {row['lost'] + row['doubled']} of {row['acknowledged']:,} |" for row in counted["phases"]
    ]
    slowest = max(row["slowest"] for row in counted["phases"])
    broken_off = sum(row["broken_off"] for row in counted["phases"])
    lines += [
        "",
        f"{counted['programs']}; {counted['date'].day} {counted['date']:%B %Y}. *Lost* are acknowledged writes that the"
        f" database did not have in the end, or had twice. Answers that broke off and were asked for again:"
        f" {broken_off}. The slowest took {slowest:.0f} seconds.",
    ]
    return "\n".join([*lines, ""])


def table_without(counted: dict) -> str:
    """Write the table of what goes wrong where a part of that is left out, as Markdown."""
    lines = ["| Left out | Reads failed | Writes failed | Twice |", "| --- | ---: | ---: | ---: |"]
    lines += [f"{_failed(row)} | {row['doubled']} |" for row in counted["without"]]
    lost = sum(row["lost"] for row in counted["without"])
    lines += ["", f"*Twice* are writes that were acknowledged once, and are in the database more often. Lost: {lost}."]
    return "\n".join([*lines, ""])


def _failed(row: dict) -> str:
    return (
        f"| {row['name']} | {row['reads_failed']:,} of {row['reads']:,} | {row['writes_failed']:,} of {row['writes']:,}"
    )
