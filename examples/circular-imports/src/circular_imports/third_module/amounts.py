"""What the cart and the discount both need."""


def subtotal(prices: list[int]) -> int:
    """Add up the prices, in cents."""
    return sum(prices)
