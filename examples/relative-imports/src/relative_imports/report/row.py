"""One line of the table."""

from ..units import square_feet


def row(name: str, area: float) -> str:
    """Write one line, from an area in square meters."""
    return f"{name:8}{area:7.2f} sq m{square_feet(area):8.1f} sq ft"
