"""A shop whose cart and discount need each other: broken once, mended three times."""
