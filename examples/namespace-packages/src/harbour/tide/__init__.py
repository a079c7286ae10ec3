"""When the water is high."""

from datetime import datetime, timedelta

# The mean time from one high water to the next.
BETWEEN_HIGH_WATERS = timedelta(hours=12, minutes=25)


def next_high_water(high_water: datetime) -> datetime:
    """Return when the next high water is expected.

    Args:
        high_water: a time of high water.

    Returns:
        12 h 25 min later.
    """
    return high_water + BETWEEN_HIGH_WATERS
