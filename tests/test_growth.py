"""The figure of PyPI's growth: drawn from its data, and every number with its source."""

import re
from datetime import date

import pytest
from guide import ROOT, growth
from guide.growth import Point


def test_the_figure_is_what_its_data_draw() -> None:
    drawn = growth.draw(growth.read())
    assert (ROOT / growth.FIGURE).read_text("utf-8") == drawn, "PYTHONPATH=docs/.hooks python -m guide.growth"
    assert re.findall(r'growth__value"[^>]*>([\d,]+)<', drawn) == [f"{point.projects:,}" for point in growth.read()]


def test_every_point_is_in_the_table_with_its_source() -> None:
    points = [
        Point(date(2020, 6, 15), "June 2020", 237_515, "the home page"),
        Point(date(2021, 8, 2), "August 2021", 311_063, "a count", "https://example.org/"),
    ]
    assert growth.table(points) == (
        "| Date | Projects | Source |\n"
        "| --- | ---: | --- |\n"
        "| June 2020 | 237,515 | the home page |\n"
        "| August 2021 | 311,063 | [a count](https://example.org/) |\n"
    )


def test_a_point_lies_where_its_numbers_say() -> None:
    left = Point(date(2019, 1, 1), "2019", 0, "")
    right = Point(date(2027, 1, 1), "2027", 800_000, "")
    assert 'points="38.0,232.0 400.0,16.0"' in growth.draw([left, right])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("date = 2030-01-01\nprojects = 1", "lies outside the axes"),
        ("date = 2020-01-01\nprojects = 900_000", "lies outside the axes"),
        (
            "date = 2020-01-01\nprojects = 1\nwhen = ''\nsource = ''\n[[points]]\ndate = 2019-01-01\nprojects = 2",
            "rise",
        ),
    ],
)
def test_data_that_cannot_be_drawn_is_refused(tmp_path, entries: str, message: str) -> None:
    (tmp_path / "docs/assets").mkdir(parents=True)
    (tmp_path / growth.DATA).write_text(f"[[points]]\n{entries}\nwhen = ''\nsource = ''\n")
    with pytest.raises(ValueError, match=message):
        growth.read(tmp_path)
