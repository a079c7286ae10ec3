"""Two modules, imported together with their package."""

from . import a, b

__all__ = ["a", "b"]
