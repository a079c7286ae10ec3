"""Read the table that lies beside this module."""

import csv
import sys
from importlib.resources import files

TABLE = files("high_tide") / "heights.csv"


def height(place: str) -> float:
    """Return the mean height of high water at a place.

    Args:
        place: its name in the table, such as `"Brest"`.

    Returns:
        The height in metres above the chart's zero.

    Raises:
        KeyError: if the table has no such place.
    """
    rows = csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())
    return {row["place"]: float(row["metres"]) for row in rows}[place]


def main() -> None:
    """Print the height at the place that is named on the command line."""
    print(height(sys.argv[1]))
