"""What is in the artifacts of two backends, one of which leaves much out; and what the command prints."""

import os
import shutil
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from six_backends import BuildFailed, Built, build
from six_backends.__main__ import main, text, toml

PROJECT = Path(__file__).parents[1] / "project"
BUILT = Built(
    generator="backend 1.0",
    metadata="2.4",
    tags=["py3-none-any"],
    wheel_lacks=["high_tide/heights.csv", "high_tide/generated.txt"],
    wheel_adds=["high_tide-1.0.dist-info/METADATA"],
    sdist_lacks=[],
    sdist_adds=["PKG-INFO"],
    from_sdist=True,
    wheel_again=True,
    sdist_again=False,
    left=[],
)


def test_a_build_is_read_from_its_files() -> None:
    built = asdict(build(PROJECT, "uv_build"))
    backend, version = built.pop("generator").split()
    assert (backend, version[0].isdigit()) == ("uv", True)
    inside = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    assert built == {
        "metadata": "2.4",
        "tags": ["py3-none-any"],
        "wheel_lacks": [],
        "wheel_adds": [f"high_tide-1.0.dist-info/{name}" for name in inside],
        "sdist_lacks": [".gitignore", "docs/heights.md", "notes.txt", "tests/test_high_tide.py"],
        "sdist_adds": ["PKG-INFO", "pyproject.toml.orig"],
        "from_sdist": True,
        "wheel_again": True,
        "sdist_again": True,
        "left": [],
    }


def test_a_wheel_that_lacks_files_and_a_folder_that_keeps_some() -> None:
    built = build(PROJECT, "setuptools")
    assert built.wheel_lacks == ["high_tide/generated.txt", "high_tide/heights.csv"]
    assert {"src/high_tide/heights.csv", "docs/heights.md"} <= set(built.sdist_lacks)
    assert built.from_sdist is True
    assert built.wheel_again is (os.name == "nt")  # where the two copies have the same rights
    assert built.left == ["build", "src/high_tide.egg-info"]


def test_a_wheel_from_the_sdist_lacks_what_the_sdist_lacks(tmp_path: Path) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "project")
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.hatch.build.targets.sdist]\nexclude = ["*.csv"]\n')
    built = build(project, "hatchling")
    assert built.from_sdist is False
    assert built.wheel_lacks == ["high_tide/generated.txt"]
    assert built.sdist_lacks == ["src/high_tide/generated.txt", "src/high_tide/heights.csv"]


def test_a_backend_that_fails_is_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "project")
    (project / "README.md").unlink()
    with pytest.raises(BuildFailed, match=r"^uv_build: .*README\.md"):
        build(project, "uv_build")
    assert main([str(project), "uv_build"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.startswith("six-backends: uv_build: ")) == ("", True)


def test_a_refusal_is_one_line_and_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    fault = f"six-backends: {tmp_path}: it has no pyproject.toml; name the folder of a project\n"
    assert capsys.readouterr() == ("", fault)


def test_an_unknown_backend_is_named_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(PROJECT), "hatch"]) == 1
    known = "flit-core, hatchling, pdm-backend, poetry-core, setuptools, uv_build"
    assert capsys.readouterr() == ("", f"six-backends: hatch: no such backend here; choose from {known}\n")


def test_the_lines_for_people() -> None:
    assert text("backend", BUILT) == (
        "backend: backend 1.0, metadata 2.4, py3-none-any\n"
        "  wheel lacks: high_tide/heights.csv, high_tide/generated.txt\n"
        "  sdist lacks: nothing\n"
        "  sdist adds: PKG-INFO\n"
        "  built from the sdist: the same wheel\n"
        "  built again: the same wheel, another sdist\n"
        "  left in the folder: nothing"
    )


def test_the_table_for_programs_says_all() -> None:
    assert tomllib.loads(toml("backend", BUILT)) == {"backend": asdict(BUILT)}
