"""What the example `server-lab` found, as tables and plots: the example itself writes them, from the data file.

`.venv/bin/python tests/bench.py server-lab` measures again, and writes the data file.
"""

import sys
from pathlib import Path

from guide import ROOT

sys.path.append(str(ROOT / "examples/server-lab/src"))

from server_lab import report, results

DATA = "docs/assets/server-lab.json"


def read(root: Path = ROOT) -> results.Results:
    """Read what a run found."""
    return results.read(root / DATA)


def tables(found: results.Results) -> str:
    """Write the tables as Markdown, each in a section that a page includes by its name."""
    return "\n".join(_section(name, text) for name, text in report.sections(found).items())


def plots(found: results.Results) -> dict[str, str]:
    """Draw the plots, as SVG by the name of the file."""
    return {f"server-lab-{name}.svg": plot for name, plot in report.plots(found).items()}


def _section(name: str, text: str) -> str:
    return f"<!-- --8<-- [start:{name}] -->\n\n{text}\n<!-- --8<-- [end:{name}] -->\n"
