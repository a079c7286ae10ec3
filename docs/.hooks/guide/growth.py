"""How PyPI grew, as a figure and as a table of sources, both from one small data file.

Run as a command it draws the figure anew, which is committed:  PYTHONPATH=docs/.hooks python -m guide.growth
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from guide import ROOT

DATA = "docs/assets/pypi-growth.toml"
FIGURE = "docs/assets/pypi-growth.svg"

WIDTH, HEIGHT = 420, 260  # units of the drawing, about a pixel each on a phone
LEFT, RIGHT, TOP, BOTTOM = 38, 400, 16, 232  # of the area with the curve
YEARS = range(2019, 2028)
TICKS = range(0, 800_001, 200_000)


@dataclass(frozen=True)
class Point:
    """How many projects there were at a date, and who says so."""

    date: date  # where the point is drawn
    when: str  # what the source says of the time
    projects: int
    source: str
    link: str | None = None


def read(root: Path = ROOT) -> list[Point]:
    """Read the points, in the order of the file.

    Raises:
        ValueError: where the dates do not rise, or a point lies outside the axes.
    """
    points = [Point(**entry) for entry in tomllib.loads((root / DATA).read_text("utf-8"))["points"]]
    if [point.date for point in points] != sorted({point.date for point in points}):
        raise ValueError(f"{DATA}: the dates must rise from point to point")
    for point in points:
        if not (date(YEARS[0], 1, 1) <= point.date <= date(YEARS[-1], 1, 1) and 0 <= point.projects <= TICKS[-1]):
            raise ValueError(f"{DATA}: {point} lies outside the axes; widen them in guide/growth.py")
    return points


def table(points: list[Point]) -> str:
    """Write the points and their sources, as Markdown."""
    rows = [f"| {point.when} | {point.projects:,} | {_source(point)} |" for point in points]
    return "\n".join(["| Date | Projects | Source |", "| --- | ---: | --- |", *rows]) + "\n"


def draw(points: list[Point]) -> str:
    """Draw the points, as SVG that takes its colours from the page around it: light and dark."""
    lines = [
        f'<svg class="growth" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="growth-title growth-text"'
        ' xmlns="http://www.w3.org/2000/svg">',
        '<title id="growth-title">Projects on PyPI</title>',
        f'<desc id="growth-text">{_words(points)}</desc>',
    ]
    for tick in TICKS:
        y = _y(tick)
        lines.append(f'<line class="growth__grid" x1="{LEFT}" y1="{y}" x2="{RIGHT}" y2="{y}"/>')
        label = f"{tick // 1000}k" if tick else "0"
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{label}</text>')
    for year in YEARS:
        x = _x(date(year, 1, 1))
        lines.append(f'<line class="growth__grid" x1="{x}" y1="{BOTTOM}" x2="{x}" y2="{BOTTOM + 4}"/>')
        if year != YEARS[-1]:
            middle = round((x + _x(date(year + 1, 1, 1))) / 2, 1)
            lines.append(f'<text x="{middle}" y="{BOTTOM + 17}" text-anchor="middle">{year}</text>')
    path = " ".join(f"{_x(point.date)},{_y(point.projects)}" for point in points)
    lines.append(f'<polyline class="growth__curve" points="{path}"/>')
    for point in points:
        x, y = _x(point.date), _y(point.projects)
        lines.append(f'<circle class="growth__point" cx="{x}" cy="{y}" r="4"/>')
        # The curve rises: below it there is room in the left half, above it in the right half.
        right = x < (LEFT + RIGHT) / 2
        place = f'x="{x + 8 if right else x - 8:g}" y="{y + 14 if right else y - 7:g}"'
        anchor = "start" if right else "end"
        lines.append(f'<text class="growth__value" {place} text-anchor="{anchor}">{point.projects:,}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _x(day: date) -> float:
    first, last = date(YEARS[0], 1, 1), date(YEARS[-1], 1, 1)
    return round(LEFT + (RIGHT - LEFT) * (day - first).days / (last - first).days, 1)


def _y(projects: int) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * projects / TICKS[-1], 1)


def _source(point: Point) -> str:
    return f"[{point.source}]({point.link})" if point.link else point.source


def _words(points: list[Point]) -> str:
    said = [f"{point.projects:,} in {point.date.year}" for point in points]
    return f"The number of projects rises from {', '.join(said[:-1])} to {said[-1]}."


if __name__ == "__main__":
    (ROOT / FIGURE).write_text(draw(read()), "utf-8")
