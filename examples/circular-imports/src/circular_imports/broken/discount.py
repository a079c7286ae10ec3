"""What the shop takes off."""

from circular_imports.broken.cart import subtotal


def rebate(prices: list[int]) -> int:
    """Take off a tenth of the subtotal, in cents."""
    return subtotal(prices) // 10
