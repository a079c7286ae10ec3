"""Medians, spreads and ties, and the file that holds a run."""

import json
from pathlib import Path

import pytest
from canned import QUICK, RESULTS
from server_lab import results
from server_lab.results import ResultsError, Spread


def test_ratios_are_to_the_base_in_the_same_round() -> None:
    assert results.ratios(RESULTS, "bare", "rate") == {
        "gunicorn-sync": Spread(1.0, 1.0, 1.0),
        "granian": Spread(3.0, 2.5, 4.0),
        "wsgiref": Spread(1.1, 0.9, 1.1),
    }


def test_the_base_is_the_first_server_where_gunicorn_sync_was_not_measured() -> None:
    others = {name: server for name, server in RESULTS.servers.items() if name != "gunicorn-sync"}
    assert results.base(RESULTS) == "gunicorn-sync"
    assert results.base(results.Results(**{**vars(RESULTS), "servers": others})) == "granian"


def test_values_are_as_they_were_measured() -> None:
    assert results.values(RESULTS, "bare", "wait") == {
        "gunicorn-sync": Spread(1.0, 1.0, 1.5),
        "granian": Spread(0.01, 0.01, 0.02),
        "wsgiref": Spread(2.0, 2.0, 2.0),
    }


@pytest.mark.parametrize(
    ("one", "other", "tie"),
    [
        (Spread(1.0, 0.9, 1.1), Spread(1.15, 1.1, 1.2), True),  # 0.15 apart, 0.2 wide
        (Spread(1.0, 0.9, 1.1), Spread(1.3, 1.25, 1.35), False),  # 0.3 apart
        (Spread(1.0, 1.0, 1.0), Spread(1.5, 1.0, 1.7), True),  # the larger spread counts
        (Spread(2.0, 2.0, 2.0), Spread(2.0, 2.0, 2.0), False),  # no spread at all: equal, and known to be
    ],
)
def test_a_difference_below_the_larger_spread_is_a_tie(one: Spread, other: Spread, tie: bool) -> None:
    assert (results.tied(one, other), results.tied(other, one)) == (tie, tie)


def test_ties_are_groups() -> None:
    assert results.ties(results.ratios(RESULTS, "bare", "rate")) == [("gunicorn-sync", "wsgiref")]


def test_who_ties_with_two_that_do_not_tie_is_in_two_groups() -> None:
    low, middle, high = Spread(1, 0.5, 1.5), Spread(1.8, 1, 2), Spread(2.5, 2.2, 3)
    assert results.ties({"a": low, "b": middle, "c": high}) == [("a", "b"), ("b", "c")]
    assert results.ties({"a": low, "b": low, "c": low}) == [("a", "b", "c")]
    assert results.ties({"a": low, "c": high}) == []


@pytest.mark.parametrize("found", [RESULTS, QUICK], ids=["full", "quick"])
def test_what_is_written_is_read(found: results.Results, tmp_path: Path) -> None:
    results.write(found, tmp_path / "results.json")
    assert results.read(tmp_path / "results.json") == found
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def change(place: list[str], value: object) -> dict:
    whole = json.loads(json.dumps(RESULTS, default=vars))
    inner = whole
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return whole


FAULTS = [
    (change(["schema"], 2), "schema 2, where this version of the lab reads 1"),
    (change(["date"], 20261121), "date: expected str, found 20261121"),
    (change(["machine", "cores"], True), "machine: cores: expected int, found True"),
    (change(["machine"], {"cores": 2}), "machine: expected an object with cores, processor, kernel, python"),
    (
        change(["servers", "granian", "rounds", "bare"], [1]),
        "servers: granian: rounds: bare[0]: expected an object with start, rate, p50, p99, errors, worker, whole, wait",
    ),
    (
        change(["servers", "wsgiref", "faults", "stopped", "answered"], 1),
        "servers: wsgiref: faults: stopped: answered: expected bool, found 1",
    ),
]


@pytest.mark.parametrize(("whole", "said"), FAULTS)
def test_a_file_that_differs_is_refused_with_the_place(whole: dict, said: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(whole))
    with pytest.raises(ResultsError) as refused:
        results.read(path)
    assert str(refused.value) == f"{path}: {said}"


def test_a_file_that_is_missing_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"none\.json: No such file or directory$"):
        results.read(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"schema": 1,')
    with pytest.raises(ResultsError, match=r"half\.json: no JSON: "):
        results.read(tmp_path / "half.json")
