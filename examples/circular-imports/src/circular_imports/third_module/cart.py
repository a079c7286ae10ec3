"""What a cart costs."""

from circular_imports.third_module.amounts import subtotal
from circular_imports.third_module.discount import rebate


def total(prices: list[int]) -> int:
    """Take the rebate off the subtotal, in cents."""
    return subtotal(prices) - rebate(prices)
