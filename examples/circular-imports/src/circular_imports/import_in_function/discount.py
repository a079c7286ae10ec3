"""What the shop takes off."""


def rebate(prices: list[int]) -> int:
    """Take off a tenth of the subtotal, in cents."""
    from circular_imports.import_in_function.cart import subtotal  # at the top it would be circular

    return subtotal(prices) // 10
