"""A copy has another `[build-system]` table, two files that git does not track, and nothing else that is new."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from six_backends import GENERATED, NOTES, Refused, backends, copy
from six_backends.copies import with_backend

PROJECT = Path(__file__).parents[1] / "project"
NAMES = ["flit-core", "hatchling", "pdm-backend", "poetry-core", "setuptools", "uv_build"]


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_there_are_six() -> None:
    assert sorted(backends()) == NAMES


@pytest.mark.parametrize("backend", NAMES)
def test_a_copy_differs_in_the_build_system_table_alone(backend: str, tmp_path: Path) -> None:
    copied, original = files(copy(PROJECT, backend, tmp_path / "copy")), files(PROJECT)
    added = {name: copied.pop(name) for name in (f"src/high_tide/{GENERATED}", NOTES, ".gitignore")}
    assert added[".gitignore"] == f"{GENERATED}\n".encode()
    tables, before = (tomllib.loads(each.pop("pyproject.toml").decode()) for each in (copied, original))
    assert copied == {name: text for name, text in original.items() if not name.startswith(".")}
    assert tables.pop("build-system") == tomllib.loads(backends()[backend])["build-system"]
    assert before.pop("build-system") == tomllib.loads(backends()["hatchling"])["build-system"]
    assert tables == before


def test_git_ignores_the_generated_file_and_not_the_notes(tmp_path: Path) -> None:
    folder = copy(PROJECT, "hatchling", tmp_path / "copy")
    command = ["git", "-C", folder, "status", "--porcelain", "--ignored", "--untracked-files=all"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert f"!! src/high_tide/{GENERATED}" in told
    assert f"?? {NOTES}" in told


@pytest.mark.skipif(os.name == "nt", reason="files have other rights on Windows")
def test_the_second_copy_has_other_times_and_rights(tmp_path: Path) -> None:
    one = copy(PROJECT, "hatchling", tmp_path / "one")
    other = copy(PROJECT, "hatchling", tmp_path / ".git/other", age=86_400, umask=0o002)
    assert files(one) == files(other)
    for name in files(one):
        assert (one / name).stat().st_mode & 0o777 == 0o644
        assert (other / name).stat().st_mode & 0o777 == 0o664
        assert (one / name).stat().st_mtime - (other / name).stat().st_mtime == pytest.approx(86_400, abs=60)


def test_what_was_built_before_is_not_copied(tmp_path: Path) -> None:
    shutil.copytree(PROJECT, tmp_path / "project")
    for name in ("dist/a.whl", "build/a.py", "src/high_tide.egg-info/PKG-INFO", ".venv/pyvenv.cfg"):
        (tmp_path / "project" / name).parent.mkdir(parents=True)
        (tmp_path / "project" / name).write_text("")
    assert files(copy(tmp_path / "project", "hatchling", tmp_path / "copy")) == files(
        copy(PROJECT, "hatchling", tmp_path / "clean")
    )


@pytest.mark.parametrize(
    ("pyproject", "fault"),
    [
        ("[project]\n", "pyproject.toml: it must have one [build-system] table, at the beginning of a line"),
        ("[build-system]\n[build-system]\n", "pyproject.toml: it must have one [build-system] table"),
        ("[build-system]\nbackend-path = ['.']\n", None),
        (
            "[build-system]\nrequires = [\n['a'],\n]\n[project]\n",
            "pyproject.toml: it, or what it becomes, is no TOML: ",
        ),
        ("[build-system]\n[build-system.more]\na = 1\n", "pyproject.toml: something would change beside"),
        ("[build-system]\nrequires = []\n# [project]\n[project]\n", None),
    ],
)
def test_a_table_that_cannot_be_exchanged_is_refused(pyproject: str, fault: str | None) -> None:
    if fault is None:
        assert "uv_build" in with_backend(pyproject, "uv_build")
        return
    with pytest.raises(Refused) as refused:
        with_backend(pyproject, "uv_build")
    assert str(refused.value).startswith(fault)


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({}, "{}: it has no pyproject.toml; name the folder of a project"),
        ({"pyproject.toml": "[build-system]\n"}, "{}: it must have one package below src, and has 0"),
        (
            {"pyproject.toml": "[build-system]\n", "src/a/__init__.py": "", "src/b/__init__.py": ""},
            "{}: it must have one package below src, and has 2",
        ),
        ({"pyproject.toml": "\udcff"}, "{}/pyproject.toml: it is not UTF-8; write it anew in that encoding"),
    ],
)
def test_a_project_of_another_form_is_refused_and_nothing_is_copied(
    files: dict[str, str], fault: str, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(Refused) as refused:
        copy(project, "hatchling", tmp_path / "copy")
    assert str(refused.value) == fault.format(project).replace("/", os.sep)
    assert not (tmp_path / "copy").exists()
