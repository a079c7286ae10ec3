"""The four locks, made here against the index in use, each installed into an environment of its own."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
LIMIT = 240  # seconds for all locks and environments
FORMATS = ["constraints.txt", "requirements.txt", "pylock.toml", "uv.lock"]


def run_script(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "locks.py"], cwd=folder, capture_output=True, text=True, timeout=LIMIT)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project; to lock it, its backend wants a package, whatever is in it."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("pyproject.toml", "README.md", "locks.py"):
        shutil.copy(PROJECT / name, folder)
    package = folder / "src/locked_app"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (folder / "requirements.txt").write_text("humanize==4.9.0\n", "utf-8")  # an older lock, which is not to count
    return folder


@pytest.fixture(scope="module")
def sets(project: Path) -> dict[str, list[str]]:
    """What each lock installs, as the script says it."""
    done = run_script(project)
    assert done.returncode == 0, done.stderr
    return {name: packages for name, *packages in map(str.split, done.stdout.splitlines())}


def test_each_of_the_four_installs_the_same_set(sets: dict[str, list[str]]):
    assert list(sets) == FORMATS
    assert sets == dict.fromkeys(FORMATS, sets["uv.lock"])


def test_the_set_is_the_dependencies_and_what_they_need(sets: dict[str, list[str]]):
    names = [package.split("==")[0] for package in sets["uv.lock"]]
    assert names == ["click", "humanize", "jinja2", "markupsafe"]


def test_the_environments_hold_what_the_script_says(project: Path, sets: dict[str, list[str]]):
    """Read from the disk, without pip or uv."""
    for name, packages in sets.items():
        places = (project / "environments" / name).rglob("site-packages/*.dist-info")
        assert sorted(place.name.lower().removesuffix(".dist-info").replace("-", "==") for place in places) == packages


def test_three_of_the_four_pin_hashes(project: Path, sets: dict[str, list[str]]):
    hashes = {name: len(re.findall(r"[0-9a-f]{64}", (project / name).read_text("utf-8"))) for name in FORMATS}
    packages = len(sets["uv.lock"])
    assert hashes["constraints.txt"] == 0
    assert {name: hashes[name] >= packages for name in FORMATS[1:]} == dict.fromkeys(FORMATS[1:], True)


def test_altered_hash_stops_the_installation(project: Path, sets: dict[str, list[str]], tmp_path: Path):
    locked = tomllib.loads((project / "pylock.toml").read_text("utf-8"))
    [digest] = {wheel["hashes"]["sha256"] for wheel in locked["packages"][0]["wheels"]}
    altered = (project / "pylock.toml").read_text("utf-8").replace(digest, digest[::-1])
    (tmp_path / "pylock.toml").write_text(altered, "utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--target", "target", "--requirement", "pylock.toml"]
    done = subprocess.run(pip, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, "DO NOT MATCH THE HASHES" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "target").exists()


def test_failing_command_is_shown_with_what_it_said(project: Path, tmp_path: Path):
    broken = shutil.copytree(project, tmp_path / "broken", ignore=shutil.ignore_patterns("environments", "*lock*.toml"))
    settings = (broken / "pyproject.toml").read_text("utf-8")
    (broken / "pyproject.toml").write_text(settings.replace('"humanize"', '"humanize<0.1"'), "utf-8")
    done = run_script(broken)
    assert done.returncode == 1
    assert "install --only-deps . failed:" in done.stderr
    assert "No matching distribution found for humanize<0.1" in done.stderr
