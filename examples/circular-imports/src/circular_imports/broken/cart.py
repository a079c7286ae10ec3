"""What a cart costs."""

from circular_imports.broken.discount import rebate


def subtotal(prices: list[int]) -> int:
    """Add up the prices, in cents."""
    return sum(prices)


def total(prices: list[int]) -> int:
    """Take the rebate off the subtotal, in cents."""
    return subtotal(prices) - rebate(prices)
