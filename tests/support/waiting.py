"""Wait for something that takes a moment, and no longer than it may."""

import time
from collections.abc import Callable

PAUSE = 0.02  # seconds between two looks


def until(holds: Callable[[], object], limit: float, otherwise: str | Callable[[], str]) -> None:
    """Look again and again until something holds.

    Args:
        holds: the look.
        limit: seconds.
        otherwise: what is wrong if it does not hold in time, or what gives the text.

    Raises:
        AssertionError: if it does not.
    """
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, f"{otherwise if isinstance(otherwise, str) else otherwise()}, after {limit:g} s"
        time.sleep(PAUSE)
