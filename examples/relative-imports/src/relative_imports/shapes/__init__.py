"""The shapes that a part of a garden can have."""

from .circle import Circle
from .rectangle import Rectangle

__all__ = ["Circle", "Rectangle"]
