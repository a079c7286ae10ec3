"""A rectangle."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rectangle:
    """A rectangle, its sides in meters."""

    length: float
    width: float

    @property
    def area(self) -> float:
        """The area in square meters."""
        return self.length * self.width
