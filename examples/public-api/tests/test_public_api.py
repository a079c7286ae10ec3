"""What the package promises: its names, its values, its errors, its warning."""

from importlib.metadata import version

import public_api
import pytest


def test_the_public_names_are_these() -> None:
    star: dict[str, object] = {}
    exec("from public_api import *", star)
    assert sorted(star.keys() - {"__builtins__"}) == sorted(public_api.__all__) == ["__version__", "wind_chill"]


def test_every_public_function_has_a_docstring() -> None:
    assert public_api.wind_chill.__doc__.startswith("Return how cold the air feels in the wind.\n")


def test_the_version_is_that_of_the_installed_project() -> None:
    assert public_api.__version__ == version("public-api") == "1.2"


@pytest.mark.parametrize(
    ("temperature", "speed", "expected"),
    [(10, 10, 8.632), (0, 20, -5.242), (-10, 30, -19.52), (-40, 60, -64.167)],
)
def test_wind_chill_is_what_the_formula_gives(temperature: float, speed: float, expected: float) -> None:
    assert round(public_api.wind_chill(temperature, speed), 3) == expected


@pytest.mark.parametrize(
    ("temperature", "speed", "message"),
    [
        (25, 20, "temperature is 25 °C; wind chill is defined up to 10 °C"),
        (0, 1, "speed is 1 km/h; wind chill is defined above 4.8 km/h"),
        (float("nan"), 20, "temperature is nan °C; wind chill is defined up to 10 °C"),
    ],
)
def test_outside_its_range_the_formula_is_refused(temperature: float, speed: float, message: str) -> None:
    with pytest.raises(ValueError, match="wind chill") as caught:
        public_api.wind_chill(temperature, speed)
    assert str(caught.value) == message


def test_the_old_name_works_and_warns_where_it_is_used() -> None:
    with pytest.warns(DeprecationWarning, match="wind_chill") as caught:
        old = public_api.windchill
    assert old is public_api.wind_chill
    assert [(str(w.message), w.filename) for w in caught] == [("public_api.windchill is now wind_chill", __file__)]


def test_any_other_name_is_missing() -> None:
    with pytest.raises(AttributeError, match=r"^module 'public_api' has no attribute 'humidex'$"):
        _ = public_api.humidex
