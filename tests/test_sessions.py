"""What greeting-library hands to nox and tox: the Pythons that it names, and tests of the wheel, not of the folder."""

import configparser
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from guide import ROOT, archive
from support import pythons, system
from support.workshop import Workshop

NAME = "greeting-library"
LIMIT = 300  # seconds for one run of nox or tox
REFERENCE = pythons.reference()
NOX = ["nox", "--session", f"tests-{REFERENCE.series}", "--error-on-missing-interpreters", "--", "-q"]
TOX = ["tox", "run", "-e", REFERENCE.series, "--", "-q"]
# A module beside the package, which the wheel does not get, and a test that needs it.
STRAY = {
    "src/stray.py": '"""Beside the package."""\n',
    "tests/test_stray.py": '"""Needs what lies beside the package."""\n\nimport stray\n\n\n'
    "def test_it_is_there() -> None:\n    assert stray.__doc__\n",
}


def _classifiers() -> list[str]:
    settings = tomllib.loads((ROOT / "examples" / NAME / "pyproject.toml").read_text("utf-8"))
    return re.findall(r"Python :: (3\.\d+)$", "\n".join(settings["project"]["classifiers"]), re.MULTILINE)


def test_tox_runs_every_python_that_the_classifiers_name() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "examples" / NAME / "tox.ini", encoding="utf-8")
    assert tox["tox"]["env_list"].split(", ") == _classifiers() != []


def test_the_matrix_on_the_page_has_every_python_that_the_classifiers_name() -> None:
    page = (ROOT / "docs/publishing/test-what-you-ship.md").read_text("utf-8")
    [matrix] = re.findall(r"^    python: (\[.*\])$", page, re.MULTILINE)
    assert json.loads(matrix) == _classifiers()


class Bench:
    """A copy of the library, the tools, and the reference Python by the name with its number."""

    def __init__(self, folder: Path, workshop: Workshop) -> None:
        """Unpack the library and install the tools."""
        self.library = archive.unpack(NAME, folder)
        tools, programs = folder / "tools", folder / "programs"
        workshop.venv(tools, "nox", "tox", "uv")
        programs.mkdir()
        (programs / f"python{REFERENCE.series}").symlink_to(REFERENCE.path)
        path = os.pathsep.join([str(tools / "bin"), str(programs), os.defpath])
        self.environment = workshop.environment | {"PATH": path, "NO_COLOR": "1"}

    def run(self, *command: str) -> subprocess.CompletedProcess:
        """Run a command in the library's folder."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.run(command, cwd=self.library, env=self.environment, timeout=LIMIT, check=False, **streams)


@pytest.fixture
def bench(tmp_path: Path, workshop: Workshop) -> Bench:
    if os.name == "nt":
        pytest.skip("links a Python under another name, as Linux and macOS do")
    return Bench(tmp_path, workshop)


@pytest.mark.full
@pytest.mark.parametrize("tool", [NOX, TOX], ids=["nox", "tox"])
def test_what_lies_beside_the_package_is_missed(tool: list[str], bench: Bench) -> None:
    done = bench.run(*tool)
    assert (done.returncode, re.findall(r"\d+ passed", done.stdout)) == (0, ["32 passed"]), done.stdout
    for name, text in STRAY.items():
        (bench.library / name).write_text(text, "utf-8")
    done = bench.run(*tool)
    assert done.returncode in (1, 2), done.stdout
    assert "ModuleNotFoundError: No module named 'stray'" in done.stdout


@pytest.mark.full
def test_the_types_are_right(bench: Bench) -> None:
    if reasons := system.lacking(["mypy"]):
        system.missing(reasons[0])
    done = bench.run("nox", "--session", "types", "--error-on-missing-interpreters")
    assert done.returncode == 0, done.stdout
    assert "Success: no issues found" in done.stdout
    source = bench.library / "src/greeting_library/_languages.py"
    source.write_text(source.read_text("utf-8") + "\nWRONG: int = 'text'\n", "utf-8")
    done = bench.run("nox", "--session", "types", "--error-on-missing-interpreters")
    assert done.returncode == 1, done.stdout
    assert "Incompatible types in assignment" in done.stdout
