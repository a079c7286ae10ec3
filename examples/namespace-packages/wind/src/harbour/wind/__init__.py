"""How strong the wind is."""


def knots(speed: float) -> float:
    """Convert a wind speed.

    Args:
        speed: in metres per second.

    Returns:
        The speed in knots: nautical miles of 1852 m per hour.
    """
    return speed * 3600 / 1852
