"""Units of area."""

FOOT = 0.3048  # meters, exactly


def square_feet(square_meters: float) -> float:
    """Convert an area from square meters."""
    return square_meters / FOOT**2
