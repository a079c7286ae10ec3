"""How fast three servers hand out one style sheet, as a table, from what tests/bench.py measured.

`.venv/bin/python tests/bench.py static-files` measures again, and writes the data file.
"""

import tomllib
from pathlib import Path

from guide import ROOT

DATA = "docs/assets/static-files.toml"
BASE = "Flask"  # the others are relative to it


def read(root: Path = ROOT) -> dict:
    """Read what was measured, when, and on which machine."""
    return tomllib.loads((root / DATA).read_text("utf-8"))


def write(measured: dict) -> str:
    """Write what was measured, as the data file.

    Args:
        measured: as `read` gives it.
    """
    lines = [
        "# Relative to Flask in the same round: median, least, most. `tests/bench.py static-files` writes this.",
        f"date = {measured['date']}",
        f'machine = "{measured["machine"]}"',
        f"rounds = {measured['rounds']}",
        f"bytes = {measured['bytes']}",
        f'wsgi = "{measured["wsgi"]}"',
    ]
    for name, server in measured["servers"].items():
        lines += ["", f"[servers.{name}]", f'program = "{server["program"]}"']
        lines += [f"{what} = {[round(number, 4) for number in server[what]]}" for what in ("requests", "processor")]
    return "\n".join([*lines, ""])


def table(measured: dict) -> str:
    """Write the table as Markdown, with what was measured, where, and what is a tie."""
    lines = ["| Server | Requests | Processor time |", "| --- | ---: | ---: |"]
    for name, server in measured["servers"].items():
        cells = ("1", "1") if name == BASE else (_spread(server[what]) for what in ("requests", "processor"))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    programs = ", ".join(server["program"] for server in measured["servers"].values())
    said = [
        f"Requests in the same time, and what the server took of the processor for one: {measured['rounds']} rounds in"
        f" turn, median (least to most). The style sheet has {measured['bytes']:,} bytes, asked for by clients that"
        f" take gzip and keep their connections. {programs}, the last two in {measured['wsgi']}; {measured['machine']};"
        f" {measured['date'].day} {measured['date']:%B %Y}."
    ]
    said += [f"{one} and {other} tie in {what}." for one, other, what in _ties(measured["servers"])]
    return "\n".join([*lines, "", " ".join(said), ""])


def _spread(numbers: list[float]) -> str:
    median, least, most = map(_short, numbers)
    return f"{median} ({least} to {most})"


def _short(number: float) -> str:
    """Write two digits that count, and no more: it is not known better."""
    return f"{float(f'{number:.2g}'):g}"


def _ties(servers: dict[str, dict]) -> list[tuple[str, str, str]]:
    names = list(servers)
    pairs = [(one, other) for number, one in enumerate(names) for other in names[number + 1 :]]
    words = {"requests": "requests", "processor": "processor time"}
    return [
        (one, other, words[what])
        for what in words
        for one, other in pairs
        if servers[one][what][1] <= servers[other][what][2] and servers[other][what][1] <= servers[one][what][2]
    ]
