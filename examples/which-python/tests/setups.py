"""Build Pythons, environments and installations, broken and whole, in a folder of the test."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import which_python
from pip._vendor.distlib.scripts import ScriptMaker

DOCTOR = Path(which_python.__file__)
BASE = os.path.realpath(sys.executable)  # the Python behind the environment of the tests
SERIES = ".".join(map(str, sys.version_info[:2]))
LIMIT = 60  # seconds for one command
DEBIAN = Path("/usr/lib/python3/dist-packages")  # where apt installs modules

# What pyenv writes into each of its shims, in its versions 2.3 to 2.6.
SHIM = """#!/usr/bin/env bash
set -e
[ -n "$PYENV_DEBUG" ] && set -x

program="${{0##*/}}"

export PYENV_ROOT="{root}"
exec "{pyenv}" exec "$program" "$@"
"""


class Result(NamedTuple):
    """What the doctor said."""

    status: int
    wrong: str
    do: str
    report: str


class Machine:
    """Folders, and an environment without anything of the machine that runs the tests."""

    def __init__(self, root: Path) -> None:
        """Lay out a home, a folder to work in, one for programs, and one with the doctor."""
        self.work, self.bin, self.tool = root / "work", root / "bin", root / "tool"
        for folder in (root / "home", self.work, self.bin, self.tool):
            folder.mkdir()
        self.doctor = Path(shutil.copy(DOCTOR, self.tool / "which_python.py"))
        self.environ = {"HOME": str(root / "home"), "PATH": str(self.bin), "LC_ALL": "C.UTF-8"}

    def run(self, *command: str | Path, status: int = 0) -> str:
        """Run a command in the folder to work in; give what it printed."""
        options = {"cwd": self.work, "env": self.environ, "timeout": LIMIT, "text": True, "stdin": subprocess.DEVNULL}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        assert done.returncode == status, done.stdout
        return done.stdout

    def shell(self, command: str) -> str:
        """Run a line as a reader types it, with the programs of the system behind the machine's own."""
        search = {**self.environ, "PATH": f"{self.environ['PATH']}:{os.defpath}"}
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.work, env=search, timeout=LIMIT, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, python: str | Path, *arguments: str) -> Result:
        """Run the doctor with a Python: options of Python first, then the module."""
        options = [argument for argument in arguments if argument.startswith("-")]
        module = arguments[len(options) :]
        command = [str(python), *options, str(self.doctor), *module]
        done = subprocess.run(command, cwd=self.work, env=self.environ, timeout=LIMIT, text=True, capture_output=True)
        assert done.stderr == ""
        assert done.returncode in (0, 1)
        report, _, diagnosis = done.stdout.rpartition("\n\n")
        lines = diagnosis.splitlines()
        wrong = lines[0].partition(": ")[2]
        do = lines[1].removeprefix("Do:    ") if len(lines) > 1 else ""
        assert lines[0].partition(":")[0] == ("Wrong" if done.returncode else "Nothing wrong")
        return Result(done.returncode, wrong, do, report)

    def base(self, name: str = "python") -> Path:
        """Put the Python behind the tests on PATH under a name."""
        (self.bin / name).symlink_to(BASE)
        return self.bin / name

    def environment(self, name: str = ".venv", **options: bool) -> Path:
        """Make a virtual environment in the folder to work in; give its folder."""
        folder = self.work / name
        venv.create(folder, symlinks=True, **options)
        return folder

    def activate(self, folder: Path) -> Path:
        """Do what `activate` does; give the Python that it makes the first."""
        self.environ["VIRTUAL_ENV"] = str(folder)
        self.environ["PATH"] = f"{folder / 'bin'}:{self.environ['PATH']}"
        return folder / "bin/python"


def install(folder: Path, wheel: Path) -> None:
    """Install a wheel of one module into an environment: to unpack it is all that it takes."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(purelib(folder))


def install_pip(folder: Path) -> None:
    """Give an environment the pip that is installed beside the tests, with the command that this pip writes."""
    pip = distribution("pip")
    info = next(file.parts[0] for file in pip.files or [] if file.name == "METADATA")
    shutil.copytree(pip.locate_file(info), purelib(folder) / info)
    (purelib(folder) / "pip").symlink_to(pip.locate_file("pip"))
    maker = ScriptMaker(None, str(folder / "bin"))
    maker.executable = str(folder / "bin/python")
    maker.variants = {""}
    maker.set_mode = True
    maker.make("pip = pip._internal.cli.main:main")


def make_wheel(folder: Path, name: str, module: str) -> Path:
    """Write a wheel of one module.

    Args:
        folder: Where it goes.
        name: What one installs, such as `tide-tables`.
        module: What one imports, such as `tides`.
    """
    stem = f"{name.replace('-', '_')}-1.0"
    path = folder / f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    members = {
        f"{module}/__init__.py": "raise SystemExit('imported')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    members[f"{info}/RECORD"] = "".join(f"{member},,\n" for member in [*members, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def pyenv() -> str:
    """Find a real pyenv: in PYENV_ROOT, on PATH, in the home folder; empty where there is none."""
    roots = [os.environ.get("PYENV_ROOT", ""), os.path.expanduser("~/.pyenv")]
    found = [os.path.join(root, "bin/pyenv") for root in roots if root]
    found += [shutil.which("pyenv") or ""]
    return next((path for path in found if os.path.isfile(path)), "")


def pyenv_with(machine: Machine, *versions: str) -> tuple[Path, str]:
    """Lay out a PYENV_ROOT whose versions are the Python behind the tests, with its shims first on PATH.

    A real pyenv writes the shims where there is one. Else they are in its form, and nothing is behind them.

    Returns:
        The folder, and `real pyenv` or `pyenv's form`.
    """
    root = machine.work.parent / "pyenv"
    for version in versions:
        programs = root / "versions" / version / "bin"
        programs.mkdir(parents=True)
        for name in ("python", "python3"):
            (programs / name).symlink_to(BASE)
    (root / "shims").mkdir(parents=True, exist_ok=True)
    machine.environ |= {"PYENV_ROOT": str(root), "PATH": f"{root / 'shims'}:{machine.environ['PATH']}"}
    program = pyenv()
    if program:
        machine.shell(f"PATH={os.defpath} {shlex.quote(program)} rehash")
        return root, "real pyenv"
    for name in ("python", "python3"):
        shim = root / "shims" / name
        shim.write_text(SHIM.format(root=root, pyenv=root / "libexec/pyenv"))
        shim.chmod(0o755)
    return root, "pyenv's form"


def debian_python() -> str:
    """Find Debian's own Python, with modules, that pip leaves to apt and the doctor runs on; empty where none is."""
    for path in sorted(Path("/usr/bin").glob("python3.[1-9][0-9]")):
        version = re.fullmatch(r"python3\.(\d+)", path.name)
        marked = Path(f"/usr/lib/{path.name}/EXTERNALLY-MANAGED").is_file()
        if version and int(version[1]) >= 11 and marked and any(DEBIAN.glob("[a-z]*/__init__.py")):
            return str(path)
    return ""


def purelib(folder: Path) -> Path:
    """Give the site-packages of an environment."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
