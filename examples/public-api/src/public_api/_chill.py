"""The formula, in a module whose name begins with an underscore: its place may change."""


def wind_chill(temperature: float, speed: float) -> float:
    """Return how cold the air feels in the wind.

    Formula and range are those of the National Weather Service of the United States, of 2001.

    Args:
        temperature: of the air in °C, at most 10.
        speed: of the wind in km/h, 10 m above the ground, above 4.8.

    Returns:
        The wind chill temperature in °C.

    Raises:
        ValueError: if an argument is outside the range that the formula holds for.
    """
    _check(temperature, speed)
    factor = speed**0.16
    return 13.12 + 0.6215 * temperature - 11.37 * factor + 0.3965 * temperature * factor


def _check(temperature: float, speed: float) -> None:
    if not temperature <= 10:
        raise ValueError(f"temperature is {temperature} °C; wind chill is defined up to 10 °C")
    if not speed > 4.8:
        raise ValueError(f"speed is {speed} km/h; wind chill is defined above 4.8 km/h")
