"""The machine's Pythons are found by running them."""

import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import pythons


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is the only one to look in."""
    monkeypatch.setattr(pythons, "_folders", lambda: [tmp_path])
    monkeypatch.delenv("GUIDE_PYTHONS", raising=False)
    pythons.found.cache_clear()
    yield tmp_path
    pythons.found.cache_clear()


def fake(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def answer(version: str, path: str = "/opt/fake", has_pip: bool = True) -> str:
    info = [int(number) for number in version.split(".")]
    told = {"path": path, "implementation": "cpython", "version": version, "info": info, "has_pip": has_pip}
    return f"echo '{pythons.json.dumps({**told, 'prefix': '/opt'})}'"


def series(found: list[pythons.Interpreter]) -> list[str]:
    return [python.series for python in found]


def test_each_is_what_it_says():
    for python in pythons.supported():
        told = subprocess.run([python.path, "-V"], capture_output=True, text=True, timeout=20).stdout
        assert told == f"Python {python.version}\n"
        assert python.version.startswith(f"{python.series}.")


def test_none_is_the_python_of_a_virtual_environment():
    probe = "import sys; print(sys.prefix == sys.base_prefix)"
    for python in [*pythons.supported(), pythons.running()]:
        told = subprocess.run([python.path, "-I", "-c", probe], capture_output=True, text=True, timeout=20).stdout
        assert told == "True\n"


def test_copy_in_a_virtual_environment_stands_for_what_it_was_made_from(alone: Path, monkeypatch: pytest.MonkeyPatch):
    venv.create(alone / "venv", symlinks=False)
    inside = alone / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    monkeypatch.setattr(sys, "executable", str(inside))
    assert pythons.running().path.is_relative_to(Path(sys.base_prefix).resolve())
    assert pythons.running().path != inside


def test_series_are_supported_ones_each_once_oldest_first():
    found = [tuple(map(int, python.series.split("."))) for python in pythons.supported()]
    assert found == sorted(set(found))
    assert found[0] >= (3, 11)


def test_the_running_series_is_found():
    assert pythons.find("{}.{}".format(*sys.version_info)) is not None


def test_the_reference_is_the_version_of_the_file_or_the_nearest(monkeypatch):
    assert pythons.reference_version() == (pythons.ROOT / "tests/python-version.txt").read_text().strip()
    for version, nearest in [
        (pythons.running().version, pythons.running().version),
        (pythons.running().series + ".99", pythons.find(pythons.running().series).version),
        ("3.99.0", pythons.running().version),
    ]:
        monkeypatch.setattr(pythons, "reference_version", lambda version=version: version)
        assert pythons.reference().version == nearest


def test_looking_again_takes_no_time():
    pythons.found.cache_clear()
    pythons.supported()
    start = time.perf_counter()
    pythons.supported()
    assert time.perf_counter() - start < 0.01


@pytest.mark.skipif(os.name == "nt", reason="fakes are shell scripts")
class TestFakes:
    def test_what_fails_or_says_nonsense_is_no_python(self, alone: Path):
        before = series(pythons.supported())
        pythons.found.cache_clear()
        fake(alone, "python3.31", "echo 'python3.31: command not found' >&2; exit 127")
        fake(alone, "python3.32", "echo nonsense")
        fake(alone, "python3.33", answer("3.33.0").replace("cpython", "pypy"))
        (alone / "python3.34").write_text("not a program")
        assert series(pythons.supported()) == before

    def test_candidate_that_hangs_is_given_up(self, alone: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(pythons, "PROBE_LIMIT", 0.5)
        fake(alone, "python3.30", "exec sleep 60")
        start = time.perf_counter()
        assert "3.30" not in series(pythons.supported())
        assert time.perf_counter() - start < 10

    def test_of_one_series_the_one_with_pip_wins_then_the_newer(self, alone: Path, tmp_path: Path):
        fake(alone, "python3.30", answer("3.30.11", "/opt/without", has_pip=False))
        fake(alone, "python3.31", answer("3.30.2", "/opt/older"))
        fake(alone, "python3.32", answer("3.30.10", "/opt/newer"))
        assert pythons.find("3.30").path == Path("/opt/newer")
        assert pythons.find("3.31") is None

    def test_named_in_the_environment_is_found(self, alone: Path, monkeypatch: pytest.MonkeyPatch):
        (alone / "else").mkdir()
        fake(alone / "else", "mine", answer("3.30.1"))
        monkeypatch.setenv("GUIDE_PYTHONS", str(alone / "else/mine"))
        assert pythons.find("3.30").version == "3.30.1"

    def test_named_but_missing_is_an_error(self, alone: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("GUIDE_PYTHONS", "/nowhere/python3.13")
        with pytest.raises(LookupError) as error:
            pythons.supported()
        assert str(error.value).startswith("GUIDE_PYTHONS names /nowhere/python3.13, which is not there")

    def test_shims_stand_for_the_versions_beside_them(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        for folder in ("shims", "versions/3.30.1/bin"):
            (tmp_path / folder).mkdir(parents=True)
        fake(tmp_path / "shims", "python3.31", "exit 127")
        fake(tmp_path / "versions/3.30.1/bin", "python3.30", answer("3.30.1"))
        monkeypatch.setenv("PATH", str(tmp_path / "shims"))
        folders = pythons._folders()
        assert tmp_path / "versions/3.30.1/bin" in folders
        assert tmp_path / "shims" not in folders
