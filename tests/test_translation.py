"""The translation table of the page "uv, and when": each row, typed as it stands, does the same with pip and with uv.

The table is read from the page. Both commands of a row run from the same start, each in a folder of its own; then
the whole sets of what is installed are compared, in every environment that is there.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from guide import ROOT
from support import pythons
from support.sandbox import configure
from uv import find_uv_bin

PAGE = ROOT / "docs/pip/uv-and-when.md"
ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
PYTHON = pythons.reference().path
LIMIT = 120  # seconds for one command
START = ["click==7.1.2", "urllib3==1.26.20"]  # older releases, so that an upgrade has something to do
LOOKS = {"list", "freeze", "show", "check", "--dry-run"}  # rows with one of these words leave all as it is
FILES = {
    "requirements.txt": "humanize\nrequests\n",
    "constraints.txt": "humanize==4.9.0\n",
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "parcel"
version = "1.0"
dependencies = ["humanize"]

[project.optional-dependencies]
web = ["flask"]

[dependency-groups]
test = ["pytest"]
""",
    "src/parcel/__init__.py": "",
}
# Printed by the Python of an environment: what is installed there, and what of it is editable.
INSTALLED = """
import importlib.metadata, json
found = []
for package in importlib.metadata.distributions():
    direct = json.loads(package.read_text("direct_url.json") or "{}")
    editable = direct.get("dir_info", {}).get("editable", False)
    found.append(f"{package.name.lower()}=={package.version}" + " editable" * editable)
print(json.dumps(sorted(found)))
"""

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(os.name == "nt", reason="types the commands as they are typed on Linux and macOS"),
]


class Bench:
    """A folder with the files that the rows name, an environment and, around it, nothing of this machine."""

    def __init__(self, folder: Path, index_url: str, cache: Path) -> None:
        """Write the files and the configuration; there is no environment yet."""
        self.folder, self.home = folder / "parcel", folder / "home"
        self.home.mkdir(parents=True)
        programs = folder / "programs"
        programs.mkdir()
        for name, program in {"python": PYTHON, "uv": find_uv_bin()}.items():
            (programs / name).symlink_to(program)
        configure(folder, index_url)
        for name, text in FILES.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, "utf-8")
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{self.folder / '.venv/bin'}:{programs}:{os.defpath}",
            "LC_ALL": "C.UTF-8",
            "XDG_CACHE_HOME": str(cache),
            "XDG_CONFIG_DIRS": str(folder / "etc/xdg"),
            "PIP_CONFIG_FILE": str(folder / "etc/xdg/pip/pip.conf"),
            "UV_CONFIG_FILE": str(folder / "etc/xdg/uv/uv.toml"),
        }

    def run(self, command: str) -> subprocess.CompletedProcess:
        """Type a command."""
        typed = {"cwd": self.folder, "env": self.environment, "capture_output": True, "text": True}
        return subprocess.run(shlex.split(command), stdin=subprocess.DEVNULL, timeout=LIMIT, **typed)

    def do(self, command: str) -> str:
        """Type a command that works, and give its output."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def prepare(self, *, seed: bool) -> None:
        """Make the environment of the start, with pip or without."""
        self.do(f"uv venv --quiet{' --seed' * seed}")
        self.do(f"uv pip install --quiet {' '.join(START)}")

    def sets(self) -> list[list[str]]:
        """Give what is installed in each environment, without pip, which is in those of pip only."""
        found = []
        for place in sorted([*self.folder.rglob("pyvenv.cfg"), *self.home.rglob("pyvenv.cfg")]):
            told = self.do(f"{place.parent / 'bin/python'} -I -c {shlex.quote(INSTALLED)}")
            found.append([package for package in json.loads(told) if not package.startswith("pip==")])
        return found


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, index_url: str) -> Callable[[Path], Bench]:
    """Give a bench in a folder; all of a session share what pip and uv have downloaded."""
    return partial(Bench, index_url=index_url, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def locks(tmp_path_factory: pytest.TempPathFactory, place: Callable[[Path], Bench]) -> dict[str, str]:
    """The two locks that rows install from."""
    bench = place(tmp_path_factory.mktemp("locks"))
    return {
        "locked.txt": bench.do("uv pip compile --quiet --generate-hashes requirements.txt"),
        "pylock.toml": bench.do("uv pip compile --quiet --format pylock.toml requirements.txt"),
    }


def outcome(command: str, bench: Bench, locks: dict[str, str]) -> tuple[list[list[str]], set[str]]:
    """Run one side of a row from the start; give the sets that it leaves, and the versions that it prints."""
    for name, text in locks.items():
        (bench.folder / name).write_text(text, "utf-8")
    makes = command in ("python -m venv .venv", "uv venv")
    if not makes:
        bench.prepare(seed=command.startswith("python"))
    before = bench.sets()
    printed = bench.do(command)
    after = bench.sets()
    if LOOKS & set(command.split()):
        assert after == before, f"{command} changes what is installed; correct LOOKS"
    else:
        assert after != before, f"{command} changes nothing, so it proves nothing: let it start from less"
    lines = [line for line in printed.splitlines() if not re.match(r"pip\b", line)]
    return after, set(re.findall(r"\b\d+\.\d+(?:\.\d+)+\b", "\n".join(lines)))


def rows() -> list[tuple[str, str]]:
    return ROW.findall(PAGE.read_text("utf-8"))


@pytest.mark.parametrize(("with_pip", "with_uv"), rows())
def test_row_leaves_the_same_set_installed(
    with_pip: str, with_uv: str, locks: dict[str, str], place: Callable[[Path], Bench], tmp_path: Path
) -> None:
    pip = outcome(with_pip, place(tmp_path / "pip"), locks)
    uv = outcome(with_uv, place(tmp_path / "uv"), locks)
    assert pip[0] == uv[0]
    if {"list", "freeze", "show"} & set(with_pip.split()):
        assert pip[1] == uv[1] != set()


def test_the_table_is_read_whole() -> None:
    """Each row of the page's tables whose first cell is a command is one that runs here."""
    commands = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `python")]
    assert len(rows()) == len(commands) >= 15


@pytest.mark.parametrize("command", ["python -m pip check", "uv pip check"])
def test_check_fails_where_a_dependency_is_missing(
    command: str, place: Callable[[Path], Bench], tmp_path: Path
) -> None:
    bench = place(tmp_path)
    bench.prepare(seed=True)
    assert bench.run(command).returncode == 0
    bench.do("uv pip install --quiet --no-deps flask")
    assert bench.run(command).returncode == 1
