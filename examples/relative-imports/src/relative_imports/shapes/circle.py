"""A circle."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Circle:
    """A circle, its radius in meters."""

    radius: float

    @property
    def area(self) -> float:
        """The area in square meters."""
        return math.pi * self.radius**2
