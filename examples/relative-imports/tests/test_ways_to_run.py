"""One file, started in three ways: as a module of its package it works, otherwise its dots lead nowhere."""

import subprocess
import sys
from pathlib import Path

import relative_imports
from test_relative_imports import GARDEN

PACKAGE = Path(relative_imports.__file__).parent


def run(*arguments: str, folder: Path) -> tuple[str, str, int]:
    """Run Python in the folder; return its output, the last line of its errors and its exit status."""
    command = [sys.executable, *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return result.stdout, result.stderr.strip().rpartition("\n")[2], result.returncode


def test_it_works_as_a_module_of_its_package() -> None:
    assert run("-m", "relative_imports.report.table", folder=PACKAGE.parent) == (GARDEN + "\n", "", 0)


def test_it_fails_as_a_script() -> None:
    error = "ImportError: attempted relative import with no known parent package"
    assert run("relative_imports/report/table.py", folder=PACKAGE.parent) == ("", error, 1)


def test_it_fails_as_a_module_of_the_sub_package_alone() -> None:
    error = "ImportError: attempted relative import beyond top-level package"
    assert run("-m", "report.table", folder=PACKAGE) == ("", error, 1)
