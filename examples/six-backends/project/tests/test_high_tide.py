"""The table is there and says what it should."""

from high_tide import height


def test_height() -> None:
    assert height("Brest") == 6.2
