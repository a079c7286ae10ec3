"""The same in Python: what the tests compare the C code with."""

from collections.abc import Iterable
from operator import index
from typing import SupportsIndex

LOWEST, HIGHEST = -(2**63), 2**63 - 1


# --8<-- [start:moving_sum]
def moving_sum(values: Iterable[SupportsIndex], window: SupportsIndex, /) -> list[int]:
    """Return the sums of neighbours.

    Args:
        values: integers of at most 64 bits.
        window: how many neighbours make a sum, 1 or more.

    Returns:
        One sum for each place where the window fits; none where there are fewer values.

    Raises:
        TypeError: if something is not an integer.
        ValueError: if the window is below 1.
        OverflowError: if the window, an integer or a sum has more than 64 bits.
    """
    width = index(window)
    if not LOWEST <= width <= HIGHEST:
        raise OverflowError("window has more than 64 bits")
    if width < 1:
        raise ValueError("window must be 1 or more")
    listed = list(values)
    return [_total(listed[start : start + width]) for start in range(len(listed) - width + 1)]


# --8<-- [end:moving_sum]
def _total(neighbours: list[SupportsIndex]) -> int:
    total = 0
    for value in map(index, neighbours):
        total += value
        if not LOWEST <= value <= HIGHEST or not LOWEST <= total <= HIGHEST:
            raise OverflowError("a sum has more than 64 bits")
    return total
