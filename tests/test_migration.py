"""An old project and the same project migrated: their wheels, file by file, and what old commands do today.

The table of commands is read from the page that decodes them. Each runs on a copy of the old project, in an
environment with the newest pip and setuptools and nothing else.
"""

import json
import os
import re
import shlex
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from guide import ROOT, archive
from support import pythons
from support.workshop import sealed
from uv import find_uv_bin

OLD, NEW = "legacy-setup-py", "migrated-setup-py"
PAGE = ROOT / "docs/publishing/legacy-decoder.md"
PYTHON = pythons.reference().path
LIMIT = 120  # seconds for one command
FRESH = {"pip", "setuptools"}

# What setup.py and its companions are in a wheel's METADATA, and what pyproject.toml is.
BEFORE = """\
Home-page: https://example.org/folder-report
License: MIT
Classifier: License :: OSI Approved :: MIT License
Classifier: Programming Language :: Python :: 2.7
Classifier: Programming Language :: Python :: 3.5
Dynamic: classifier
Dynamic: description
Dynamic: home-page
Dynamic: keywords
Dynamic: license
Dynamic: requires-dist
Dynamic: summary
"""
AFTER = """\
License-Expression: MIT
Project-URL: Homepage, https://example.org/folder-report
Requires-Python: >=3.11
Description-Content-Type: text/markdown
"""

unix = pytest.mark.skipif(os.name == "nt", reason="types the commands as they are typed on Linux and macOS")


@dataclass
class Bench:
    """A copy of an example, an environment, and around them nothing of this machine."""

    project: Path
    environment: dict[str, str]

    def run(self, command: str) -> subprocess.CompletedProcess:
        """Type a command; give its status, and what it printed."""
        limits = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        typed = ["bash", "-c", command]
        return subprocess.run(typed, cwd=self.project, env=self.environment, text=True, timeout=LIMIT, **limits)

    def do(self, command: str) -> str:
        """Type a command that works, and give what it printed."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    def installed(self) -> set[str]:
        """Name what is in the environment."""
        return {package["name"] for package in json.loads(self.do("uv pip list --format json 2> /dev/null"))}


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, index_url: str) -> Callable[[str, Path], Bench]:
    """Give a new copy of an example, to be used with an environment; all share what uv has downloaded."""
    cache = tmp_path_factory.mktemp("cache")

    def make(example: str, venv: Path) -> Bench:
        folder = tmp_path_factory.mktemp("bench")
        environment = sealed(folder, index_url, venv / "bin", Path(find_uv_bin()).parent)
        environment |= {"VIRTUAL_ENV": str(venv), "XDG_CACHE_HOME": str(cache)}
        return Bench(archive.unpack(example, folder), environment)

    return make


# The wheels


@pytest.fixture(scope="session")
def built(bench: Callable[[str, Path], Bench], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder with the sdist of each example, and the wheel that was built from it."""
    folders = {}
    for example in (OLD, NEW):
        made = bench(example, tmp_path_factory.mktemp("none"))
        made.do(f"uv build --quiet --python {shlex.quote(str(PYTHON))}")
        folders[example] = made.project / "dist"
    return folders


def files_of_the_wheel(folder: Path) -> dict[str, str]:
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as members:
        return {name: members.read(name).decode("utf-8") for name in members.namelist()}


def files_of_the_sdist(folder: Path) -> set[str]:
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as members:
        return {name.partition("/")[2] for name in members.getnames()}


def test_the_names_differ_in_the_tag_of_python_2(built: dict[str, Path]) -> None:
    assert {example: [wheel.name for wheel in built[example].glob("*.whl")] for example in built} == {
        OLD: ["folder_report-1.4.2-py2.py3-none-any.whl"],
        NEW: ["folder_report-1.4.2-py3-none-any.whl"],
    }


def test_all_but_three_files_of_the_wheels_are_the_same(built: dict[str, Path]) -> None:
    old, new = (files_of_the_wheel(built[example]) for example in (OLD, NEW))
    assert sorted(old) == sorted(new)
    assert {name for name in old if old[name] != new[name]} == {
        "folder_report-1.4.2.dist-info/METADATA",
        "folder_report-1.4.2.dist-info/RECORD",
        "folder_report-1.4.2.dist-info/WHEEL",
    }
    assert {name for name in old if "dist-info" not in name} == {
        "folder_report/__init__.py",
        "folder_report/cli.py",
        "folder_report/kinds.csv",
        "folder_report/report.py",
    }


def test_wheel_differs_in_the_tag_of_python_2(built: dict[str, Path]) -> None:
    old, new = (files_of_the_wheel(built[example])["folder_report-1.4.2.dist-info/WHEEL"] for example in (OLD, NEW))
    assert old.replace("Tag: py2-none-any\n", "") == new != old


def test_metadata_differs_as_meant(built: dict[str, Path]) -> None:
    names = (OLD, NEW)
    texts = [files_of_the_wheel(built[name])["folder_report-1.4.2.dist-info/METADATA"] for name in names]
    (old, old_readme), (new, new_readme) = (text.split("\n\n", 1) for text in texts)
    assert sorted(set(old.splitlines()) - set(new.splitlines())) == sorted(BEFORE.splitlines())
    assert sorted(set(new.splitlines()) - set(old.splitlines())) == sorted(AFTER.splitlines())
    assert "Requires-Dist: humanize>=0.5.1" in new.splitlines()
    for readme, name in ((old_readme, OLD), (new_readme, NEW)):
        assert readme == (built[name].parent / "README.md").read_text("utf-8")


def test_the_sdists_differ_in_what_describes_the_project(built: dict[str, Path]) -> None:
    old, new = (files_of_the_sdist(built[example]) for example in (OLD, NEW))
    assert old - new == {"MANIFEST.in", "folder_report.egg-info/not-zip-safe", "requirements.txt", "setup.py"}
    assert new - old == {"pyproject.toml"}


def test_the_package_its_tests_and_its_licence_are_the_same_files() -> None:
    kept = {path for path in archive.files(OLD) if path.parts[0] in ("folder_report", "tests", "LICENSE")}
    assert kept == set(archive.files(NEW)) - {Path("README.md"), Path("pyproject.toml")}
    read = [[(ROOT / "examples" / example / path).read_bytes() for path in sorted(kept)] for example in (OLD, NEW)]
    assert read[0] == read[1]


# What old commands do today


@pytest.fixture(scope="session")
def environment(bench: Callable[[str, Path], Bench], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip and setuptools."""
    venv = tmp_path_factory.mktemp("environment") / "venv"
    maker = bench(OLD, venv)
    maker.do(f"uv venv --quiet --python {shlex.quote(str(PYTHON))} {shlex.quote(str(venv))}")
    maker.do("uv pip install --quiet --compile-bytecode pip setuptools")
    return venv


@pytest.fixture
def old(bench: Callable[[str, Path], Bench], environment: Path) -> Iterator[Bench]:
    """The old project in that environment, from which is removed in the end what was installed meanwhile."""
    made = bench(OLD, environment)
    assert made.installed() == FRESH
    yield made
    if added := made.installed() - FRESH:
        made.do(f"python -m pip uninstall --quiet --yes {' '.join(added)}")
    if lost := FRESH - made.installed():
        made.do(f"uv pip install --quiet {' '.join(lost)}")


def warns(bench: Bench, printed: str) -> bool:
    return printed.count("DeprecationWarning: ") >= 3 and len(list(bench.project.glob("dist/*"))) == 2


def leaves_out_dependencies(bench: Bench, printed: str) -> bool:
    checked = bench.run("python -m pip check")
    return checked.stdout == "folder-report 1.4.2 requires humanize, which is not installed.\n"


def is_done_by_pip(bench: Bench, printed: str) -> bool:
    return "Successfully installed folder-report-1.4.2 humanize-" in printed


def makes_an_egg(bench: Bench, printed: str) -> bool:
    return [path.suffix for path in bench.project.glob("dist/*")] == [".egg"]


def is_the_copy_in_setuptools(bench: Bench, printed: str) -> bool:
    return Path(bench.do("python -c 'import distutils; print(distutils.__file__)'")).parts[-3] == "setuptools"


def is_not_needed(bench: Bench, printed: str) -> bool:
    return bench.do("python -m pip uninstall --yes wheel && python setup.py bdist_wheel") != ""


# What the second column says after "works, ", and how it is looked at.
CLAIMS = {
    "with warnings": warns,
    "but leaves out what it requires": leaves_out_dependencies,
    "by calling pip": is_done_by_pip,
    "and makes an egg": makes_an_egg,
    "as a part of setuptools": is_the_copy_in_setuptools,
    "and is not needed": is_not_needed,
}
ROW = re.compile(r"^\| `([^`]+)` \| (works|fails)(?:, ([\w .]+))?(?:: `([^`]+)`)? \| .+ \|$", re.MULTILINE)


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall(PAGE.read_text("utf-8"))


@unix
@pytest.mark.parametrize(("command", "ends", "claim", "text"), rows(), ids=[row[0] for row in rows()])
def test_an_old_command_does_what_the_table_says(command: str, ends: str, claim: str, text: str, old: Bench) -> None:
    done = old.run(f'python -c "{command}"' if command.startswith(("import ", "from ")) else command)
    assert ("works" if done.returncode == 0 else "fails") == ends, done.stdout
    assert claim or text, "the table says nothing that could be looked at"
    assert text in done.stdout
    assert not claim or CLAIMS[claim](old, done.stdout), done.stdout


def test_the_table_is_read_whole() -> None:
    """Each row of the page's first table is one that runs here, and each way to look is used."""
    table = PAGE.read_text("utf-8").split("| --- | --- | --- |\n")[1].split("\n\n")[0]
    assert len(rows()) == len(table.splitlines()) >= 12
    assert {claim for _, _, claim, _ in rows()} - {""} == set(CLAIMS)


@unix
def test_without_setuptools_no_command_of_setup_py_runs(old: Bench) -> None:
    old.do("uv pip uninstall --quiet setuptools")
    for command in (row[0] for row in rows() if row[0].startswith("python setup.py")):
        done = old.run(command)
        assert done.returncode == 1
        assert done.stdout.endswith("ModuleNotFoundError: No module named 'setuptools'\n")
