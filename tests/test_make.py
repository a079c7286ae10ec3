"""The two commands: what they say when a tool is missing, and that a second run installs nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from guide import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not on this machine")
TOOLS = ("make", "bash", "sh", "cmp", "rm", "cp", "sleep", "env")
FAKE_PYTHON = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in
  *version_info*) exit {too_old} ;;
  *ensurepip*) exit {no_venv} ;;
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"pip install"*) exit {no_network} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path):
    """Give a function that runs `make tools` in a checkout on a machine with that Python and those tools."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "repo").mkdir()
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / "repo")
    for name in (*TOOLS, "mkdir", "git"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    (tmp_path / "bin/sleep").unlink()
    (tmp_path / "bin/sleep").symlink_to(shutil.which("true"))

    def make(without: str = "", **python: int) -> tuple[int, str, list[str]]:
        log = tmp_path / "log"
        log.write_text("")
        fake = tmp_path / "bin/python3"
        faults = {"too_old": 0, "no_venv": 0, "no_network": 0} | python
        fake.write_text(FAKE_PYTHON.format(log=log, **faults))
        fake.chmod(0o755)
        if without:
            (tmp_path / "bin" / without).unlink()
        environment = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
        run = subprocess.run(
            ["make", "-s", "tools"],
            cwd=tmp_path / "repo",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return run.returncode, run.stdout, log.read_text().splitlines()

    make.repo = tmp_path / "repo"
    return make


def test_a_second_run_installs_nothing_until_the_lock_changes(checkout) -> None:
    status, _, calls = checkout()
    assert status == 0
    assert len([call for call in calls if "--require-hashes -r requirements.txt" in call]) == 1
    os.utime(checkout.repo / "requirements.txt")
    assert checkout() == (0, "", [])
    with (checkout.repo / "requirements.txt").open("a") as lock:
        lock.write("# another\n")
    status, _, calls = checkout()
    assert status == 0
    assert len([call for call in calls if "pip install" in call]) == 1


@pytest.mark.parametrize(
    ("without", "python", "line"),
    [
        ("git", {}, "git is missing: install git"),
        ("", {"too_old": 1}, "Python 3.11 or newer is missing: install it, or name it: make PYTHON=/path/to/python3"),
        ("", {"no_venv": 1}, "python3 has no venv: install it (Debian and Ubuntu: apt install python3-venv)"),
    ],
)
def test_a_missing_tool_gets_one_line_that_says_what_to_install(checkout, without, python, line) -> None:
    status, output, calls = checkout(without, **python)
    assert status != 0
    assert [said for said in output.splitlines() if not said.startswith("make")] == [line]
    assert not [call for call in calls if "pip" in call.split()]


def test_downloads_are_tried_three_times_and_then_given_up(checkout) -> None:
    status, output, calls = checkout(no_network=1)
    assert status != 0
    assert "could not be downloaded in three tries" in output
    assert len([call for call in calls if "pip install" in call]) == 3
    assert not (checkout.repo / ".venv/installed.txt").exists()
