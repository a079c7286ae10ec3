"""Read the table that lies beside this module."""

import csv
from contextlib import AbstractContextManager
from importlib.resources import as_file, files
from pathlib import Path

TABLE = files("data_files") / "stations.csv"


def mean_range(station: str) -> float:
    """Return how far the sea rises and falls at a station.

    Args:
        station: its name in the table, such as `"Brest"`.

    Returns:
        The mean tidal range in metres.

    Raises:
        KeyError: if the table has no such station.
    """
    rows = csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())
    return {row["station"]: float(row["range_m"]) for row in rows}[station]


def table_path() -> AbstractContextManager[Path]:
    """Lend the table as a file, for what takes nothing but a path.

    Returns:
        A context manager that gives the path, which may be gone after the `with` block.
    """
    return as_file(TABLE)
