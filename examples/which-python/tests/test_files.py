"""What the doctor reads from files, and what it answers to its command line."""

import os
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
import setups
import which_python


@pytest.mark.parametrize(
    ("content", "python"),
    [
        ("#!/srv/app/.venv/bin/python\n", "/srv/app/.venv/bin/python"),
        ("#!/usr/bin/python3.11 -I\n", "/usr/bin/python3.11"),
        ("#!/bin/sh\n'''exec' \"/srv/my app/bin/python3\" \"$0\" \"$@\"\n' '''\n", "/srv/my app/bin/python3"),
        ("#!/bin/sh\n'''exec' /srv/app/bin/python3 \"$0\" \"$@\"\n' '''\n", "/srv/app/bin/python3"),
        ("#!/usr/bin/perl\n", ""),
        ("#!\n", ""),
        ("no program\n", ""),
        ("", ""),
    ],
)
def test_a_launcher_names_its_python_in_the_first_line(tmp_path: Path, content: str, python: str) -> None:
    launcher = tmp_path / "pip"
    launcher.write_text(content)
    assert which_python.read_launcher(str(launcher)) == (str(launcher), python)


def test_a_launcher_may_look_its_python_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip").write_text("#!/usr/bin/env python3\n")
    (tmp_path / "python3").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert which_python.read_launcher(str(tmp_path / "pip")).python == str(tmp_path / "python3")


@pytest.mark.parametrize("quote", ['"', ""])
def test_a_launcher_of_windows_has_the_line_behind_the_program(tmp_path: Path, quote: str) -> None:
    program = distribution("pip").locate_file("pip/_vendor/distlib/t64.exe")
    if not program.is_file():
        pytest.skip("this pip was packaged without its launchers for Windows")
    launcher = tmp_path / "pip.exe"
    python = r"C:\Users\reader\my app\.venv\Scripts\python.exe"
    python = python if quote else python.replace("my app", "app")
    launcher.write_bytes(program.read_bytes() + f"#!{quote}{python}{quote}\r\n".encode() + b"PK\x03\x04\x14\x00pip")
    assert which_python.read_launcher(str(launcher)).python == python


def test_the_newest_version_that_fits_is_pyenvs(tmp_path: Path) -> None:
    for version in ("3.12.9", "3.12.10", "3.120.0", "3.12.10-debug"):
        (tmp_path / "versions" / version).mkdir(parents=True)
    assert which_python.pyenv_folder(str(tmp_path), "3.12.9") == str(tmp_path / "versions/3.12.9")
    assert which_python.pyenv_folder(str(tmp_path), "3.120") == str(tmp_path / "versions/3.120.0")
    assert which_python.pyenv_folder(str(tmp_path), "3.13") == ""


def test_dotted_names_are_found_without_an_import(tmp_path: Path) -> None:
    for name in ("outer/middle/inner.py", "regular/__init__.py", "regular/part.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('imported')\n")
    path = [str(tmp_path)]
    found = {name: which_python.locate(name, path) for name in ("outer.middle.inner", "regular.part", "outer.none")}
    assert {name: spec and spec.origin for name, spec in found.items()} == {
        "outer.middle.inner": str(tmp_path / "outer/middle/inner.py"),
        "regular.part": str(tmp_path / "regular/part.py"),
        "outer.none": None,
    }
    assert not {"outer", "regular"} & set(sys.modules)
    assert which_python.place(which_python.locate("outer", path)) == f"{tmp_path}/outer (no __init__.py)"


def test_a_distribution_says_what_it_brings(tmp_path: Path) -> None:
    info = tmp_path / "PyYAML-6.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0\n")
    (info / "RECORD").write_text(
        "../../../bin/x,,\n_yaml/__init__.py,,\nyaml/__init__.py,,\nyaml/_yaml.so,,\nPyYAML-6.0.dist-info/RECORD,,\n"
        "one.py,,\nfast.cpython-313-x86_64-linux-gnu.so,,\n__pycache__/one.cpython-313.pyc,,\nthings.pth,,\n"
    )
    assert list(which_python.distributions(str(tmp_path))) == [("PyYAML", "6.0", ("fast", "one", "yaml", "_yaml"))]


@pytest.mark.parametrize("arguments", [["a", "b"], ["--what"], ["two words"], [".relative"], ["yaml.py/"]])
def test_a_command_line_that_is_not_understood(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        which_python.main(arguments)
    assert stopped.value.code == 2
    assert "usage: which_python" in capsys.readouterr().err


def test_the_command_is_installed() -> None:
    (command,) = [point for point in distribution("which-python").entry_points if point.group == "console_scripts"]
    assert (command.name, command.value) == ("which-python", "which_python:main")


def test_the_file_is_alone() -> None:
    assert setups.DOCTOR.name == "which_python.py"
    assert not (setups.DOCTOR.parent / "which_python").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that a program works in")
def test_a_folder_that_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit) as stopped:
        which_python.main(["yaml"])
    assert stopped.value.code == 2
    assert "the current folder is not there any more; go to one that is: cd .." in capsys.readouterr().err
