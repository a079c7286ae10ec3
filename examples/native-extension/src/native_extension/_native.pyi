from collections.abc import Iterable
from typing import SupportsIndex

def moving_sum(values: Iterable[SupportsIndex], window: SupportsIndex, /) -> list[int]:
    """Return the sums of neighbours."""
