"""The sums of neighbouring integers, computed in C."""

from native_extension._native import moving_sum

__all__ = ["moving_sum"]
