"""The tables and plots, from canned results."""

from xml.etree import ElementTree

import pytest
from canned import QUICK, RESULTS
from server_lab import report
from server_lab.results import Spread

EXPECTED = {
    "machine": "3 rounds in turn on 2026-11-21: 2 cores, An Example, Linux 6.1, Python 3.13.0; gunicorn 27.0.1,"
    " wrk 4.1.0. mod-wsgi is left out: Apache is missing.\n",
    "modes": """\
| Server | Processes | Threads of each |
| --- | --- | --- |
| gunicorn sync | 2 | 1 |
| granian | 2 | 4 |
| wsgiref | 1 | as many as come |
""",
    "stop": """\
| Server | The request | Exit status |
| --- | --- | --- |
| gunicorn sync | answered | 0 |
| granian | answered | 0 |
| wsgiref | dropped | killed after 10 s |
""",
    "reload": """\
| Server | 3 reloads: failed | Broken code: site |
| --- | --- | --- |
| gunicorn sync | 0 of 4,321 | up |
| granian | 12 of 60, 1 of 3 took place | down |
| wsgiref | no reload | no reload |
""",
    "killed": """\
| Server | Requests lost | Afterwards |
| --- | --- | --- |
| gunicorn sync | 3 | back |
| granian | 3 | site goes on, worker gone |
| wsgiref | all | site gone |
""",
    "slow": """\
| Server | Answered beside 100 slow clients |
| --- | --- |
| gunicorn sync | 10 of 10 |
| granian | 10 of 10 |
| wsgiref | 3 of 10 |
""",
    "idle": """\
| Server | Connections held | Others answered |
| --- | --- | --- |
| gunicorn sync | 9,999 | 10 of 10 |
| granian | 9,999 | 10 of 10 |
| wsgiref | 1 | 0 of 10 |

Up to 10,000 connections send nothing: as many as are accepted within 20 seconds.
""",
    "malformed": """\
| Server | Refused | Not refused |
| --- | --- | --- |
| gunicorn sync | 2 of 4 | no HTTP (silent), length and chunks (200) |
| granian | 2 of 4 | no HTTP (silent), length and chunks (200) |
| wsgiref | 4 of 4 | none |
""",
    "speed": """\
| Server | Bare | Flask |
| --- | ---: | ---: |
| gunicorn sync | 1 | 1 |
| granian | 3 (2.5–4) | 2.5 |
| wsgiref | 1.1 (0.9–1.1) | 0.5 |

Ties in “Bare”: gunicorn sync, wsgiref.

Ties in “Flask”: none.

Relative to gunicorn sync in the same round: median (least to most).
""",
    "latency": """\
| Server | p50 | p99 |
| --- | ---: | ---: |
| gunicorn sync | 1 | 1 |
| granian | 0.4 | 0.4 |
| wsgiref | 2 | 2 |

Ties in “p50”: none.

Ties in “p99”: none.

Relative to gunicorn sync in the same round: median (least to most).
""",
    "memory": """\
| Server | One worker, MB | All, MB |
| --- | ---: | ---: |
| gunicorn sync | 20 | 10 |
| granian | 20 | 25 |
| wsgiref | 20 | 5 |

Ties in “One worker, MB”: none.

Ties in “All, MB”: none.
""",
    "wait": """\
| Server | Waits, slow requests | Start, s |
| --- | ---: | ---: |
| gunicorn sync | 2 (2–3) | 0.5 |
| granian | 0.02 (0.02–0.04) | 0.5 |
| wsgiref | 4 | 0.5 |

Ties in “Waits, slow requests”: none.

Ties in “Start, s”: none.
""",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_table_says_what_was_found(name: str) -> None:
    assert report.sections(RESULTS)[name] == EXPECTED[name]


def test_there_is_no_other_table() -> None:
    assert report.sections(RESULTS).keys() == EXPECTED.keys()


def test_a_quick_run_claims_no_times() -> None:
    written = report.sections(QUICK)
    assert {name for name, text in written.items() if text == report.NO_TIMES} == {"speed", "latency", "memory", "wait"}
    assert report.plots(QUICK) == {}
    assert ".svg" not in report.markdown(QUICK)


def test_the_whole_has_every_table_and_plot() -> None:
    whole = report.markdown(RESULTS)
    assert [text for text in EXPECTED.values() if text not in whole] == []
    assert [f"({name}.svg)" for name in report.plots(RESULTS) if f"({name}.svg)" not in whole] == []


@pytest.mark.parametrize("name", ["speed", "memory"])
def test_a_plot_is_svg_with_a_text_alternative_and_takes_the_colour_around_it(name: str) -> None:
    drawn = report.plots(RESULTS)[name]
    root = ElementTree.fromstring(drawn)
    inside = {child.get("id"): child.text for child in root if child.get("id")}
    assert root.get("role") == "img"
    assert root.get("aria-labelledby").split() == list(inside)
    assert all(inside.values())
    assert {element.get("fill") for element in root.iter()} == {"currentColor", None}
    assert "style" not in drawn


def test_bars_are_as_long_as_their_values() -> None:
    drawn = report.draw(
        "A & b", "in <units>", {"one": Spread(1, 1, 1), "two": Spread(2, 1, 4), "none": Spread(0, 0, 0)}
    )
    root = ElementTree.fromstring(drawn)
    text = {element.tag.rpartition("}")[2]: element.text for element in root}
    widths = [float(element.get("width")) for element in root if element.tag.endswith("rect")]
    assert (text["title"], text["desc"]) == ("A & b", "in <units>: one 1; two 2 (1–4); none 0.")
    assert widths == [62, 124, 0]  # of 248 for the most


def test_servers_that_tie_are_named_together() -> None:
    spreads = {"gunicorn-sync": Spread(1, 0, 2), "granian": Spread(1, 0, 2), "wsgiref": Spread(2, 1, 3)}
    assert report._tied(RESULTS, "Bare", spreads) == "Ties in “Bare”: gunicorn sync, granian, wsgiref."


def test_a_range_that_is_no_wider_than_its_digits_is_left_out() -> None:
    assert [report._cell(Spread(59.1, 58.9, 59.2)), report._cell(Spread(59.1, 58, 59.2))] == ["59", "59 (58–59)"]


@pytest.mark.parametrize(
    ("number", "written"),
    [(0.0123, "0.012"), (0.5, "0.5"), (1.04, "1"), (2.449, "2.4"), (16.4, "16"), (1234, "1,200"), (0, "0")],
)
def test_numbers_have_two_digits(number: float, written: str) -> None:
    assert report.short(number) == written
