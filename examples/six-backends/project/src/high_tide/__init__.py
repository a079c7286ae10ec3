"""The height of the tide."""

from high_tide.heights import height

__all__ = ["height"]
