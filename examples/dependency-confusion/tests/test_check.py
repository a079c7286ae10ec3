"""The command: the indexes that it writes, the strangers that it finds, and what it refuses."""

import json
import sys
from pathlib import Path

import pytest
from conftest import Attack
from dependency_confusion.__main__ import main
from dependency_confusion.indexes import make
from dependency_confusion.origins import Origin, Unusable, strangers


def test_the_indexes_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    make(tmp_path / "one")
    make(tmp_path / "two")
    one, two = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    assert sorted(path for path in one if path.endswith(".whl")) == [
        "merged/simple/plain-table/plain_table-2.0-py3-none-any.whl",
        "merged/simple/team-report/team_report-1.0-py3-none-any.whl",
        "private/simple/team-report/team_report-1.0-py3-none-any.whl",
        "public/simple/plain-table/plain_table-2.0-py3-none-any.whl",
        "public/simple/team-report/team_report-1.0-py3-none-any.whl",
        "public/simple/team-report/team_report-99.0-py3-none-any.whl",
    ]


def test_an_index_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "merged").mkdir()
    assert main(["make", str(tmp_path)]) == 1
    told = f"dependency-confusion: {tmp_path / 'merged'}: is there already; choose another folder, or remove it\n"
    assert capsys.readouterr() == ("", told)
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


def test_the_check_finds_the_attack_before_it_is_installed(attack: Attack, capsys: pytest.CaptureFixture[str]) -> None:
    report = _report(attack, "--index-url", attack.private, "--extra-index-url", attack.public)
    assert main(["check", str(report), "--private", "team-*", "--index", attack.private]) == 1
    file = f"{attack.public}team-report/team_report-99.0-py3-none-any.whl"
    assert capsys.readouterr() == (f"STRANGER team-report 99.0 {file}\n", "")


def test_the_check_passes_what_is_yours(attack: Attack, capsys: pytest.CaptureFixture[str]) -> None:
    report = _report(attack, "--index-url", attack.merged)
    assert main(["check", str(report), "--private", "Team_*", "--index", attack.merged]) == 0
    assert capsys.readouterr() == (
        f"ok       plain-table 2.0 {attack.merged}plain-table/plain_table-2.0-py3-none-any.whl\n"
        f"ok       team-report 1.0 {attack.merged}team-report/team_report-1.0-py3-none-any.whl\n",
        "",
    )


def test_a_check_of_nothing_is_a_fault(attack: Attack, capsys: pytest.CaptureFixture[str]) -> None:
    report = _report(attack, "--index-url", attack.merged)
    assert main(["check", str(report), "--private", "taem-*", "--index", attack.merged]) == 1
    told = "dependency-confusion: no package is called taem-*; correct the pattern, or add --ignore-installed for pip\n"
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"install": [{}]}', '{"install": 1}'])
def test_what_is_no_report_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    report = tmp_path / "report.json"
    report.write_text(text, "utf-8")
    assert main(["check", str(report), "--private", "team-*", "--index", "http://127.0.0.1/"]) == 1
    advice = f"write one with `pip install --dry-run --report {report}`"
    assert capsys.readouterr() == ("", f"dependency-confusion: {report}: not a report of pip; {advice}\n")


def test_the_beginning_of_a_port_is_not_the_port() -> None:
    found = [Origin("team-report", "1.0", "http://127.0.0.1:80000/team_report-1.0.whl")]
    assert strangers(found, "team-*", "http://127.0.0.1:8000") == found


def test_a_pattern_of_names_is_compared_as_indexes_do() -> None:
    found = [Origin("Team.Report", "1.0", "http://127.0.0.1:8001/a.whl"), Origin("teams", "1.0", "http://127.0.0.1/b")]
    assert strangers(found, "team_*", "http://127.0.0.1:8000/") == found[:1]
    with pytest.raises(Unusable):
        strangers(found[1:], "team_*", "http://127.0.0.1:8000/")


def _report(attack: Attack, *indexes: str) -> Path:
    report = attack.folder / "report.json"
    command = (sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet")
    assert attack.run(*command, "--report", report, *indexes, "team-report") == (0, "")
    assert json.loads(report.read_text("utf-8"))["version"] == "1"
    return report
