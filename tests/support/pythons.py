"""The Pythons of this machine: real interpreters, found by running them."""

import functools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 11)
PROBE_LIMIT = 20  # seconds for one candidate to say what it is
PROBE = """
import importlib.util, json, platform, sys
print(json.dumps({
    "path": getattr(sys, "_base_executable", "") or sys.executable,
    "implementation": sys.implementation.name,
    "version": platform.python_version(),
    "info": sys.version_info[:3],
    "prefix": sys.base_prefix,
    "has_pip": importlib.util.find_spec("ensurepip") is not None,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python of this machine, never the Python of a virtual environment.

    Attributes:
        path: The executable, symbolic links resolved.
        version: As it prints it, for example `3.13.0` or `3.15.0b2`.
        series: The first two numbers, for example `3.13`.
        has_pip: Whether `python -m venv` can put pip into an environment. Debian
            packages that ability apart; without it, use `--without-pip` and
            `pip --python`, or `uv venv`.
        prefix: The folder that it is installed under, its `sys.base_prefix`.
    """

    path: Path
    version: str
    series: str
    has_pip: bool
    prefix: str


def reference_version() -> str:
    """Return the version that pages are compared under, such as `3.13.0`.

    The file is not `.python-version`: pyenv reads that, and where it lacks the version it finds no Python at all.
    """
    return (ROOT / "tests/python-version.txt").read_text(encoding="utf-8").strip()


def reference() -> Interpreter:
    """Return the Python that pages are compared under.

    Where the machine lacks it, the nearest one stands in, of the same series or the one that runs the tests:
    whoever compares outputs exactly checks `version` first.
    """
    series = reference_version().rpartition(".")[0]
    return next((python for python in found() if python.version == reference_version()), find(series) or running())


def running() -> Interpreter:
    """Return the Python behind the one that runs the tests."""
    found = _probe([Path(sys.executable)])
    if not found:
        raise LookupError(f"{sys.executable}: did not run when asked for its version; install Python again")
    return found[0]


def probe(path: Path) -> Interpreter:
    """Return the Python at one path."""
    return _probe([path])[0]


def find(series: str) -> Interpreter | None:
    """Return this machine's Python of one series, such as `3.12`, or None."""
    return next((python for python in supported() if python.series == series), None)


@functools.cache
def found() -> list[Interpreter]:
    """Return every Python of this machine."""
    return _probe(_candidates())


def supported() -> list[Interpreter]:
    """Return one Python per supported series, oldest first.

    Of two with the same series, the one that brings pip wins, then the newer one.
    """
    best: dict[tuple[int, ...], Interpreter] = {}
    for python in found():
        series = tuple(map(int, python.series.split(".")))
        if series >= OLDEST and (series not in best or _rank(python) > _rank(best[series])):
            best[series] = python
    return [best[series] for series in sorted(best)]


def _rank(python: Interpreter) -> tuple[bool, list[int]]:
    return python.has_pip, [int(number) for number in re.findall(r"\d+", python.version)]


def _candidates() -> list[Path]:
    """List what may be a Python: the running one, $GUIDE_PYTHONS, then the usual folders."""
    named = [Path(entry) for entry in os.environ.get("GUIDE_PYTHONS", "").split(os.pathsep) if entry]
    if missing := [str(path) for path in named if not path.is_file()]:
        raise LookupError(f"GUIDE_PYTHONS names {', '.join(missing)}, which is not there: correct the variable")
    found = [path for folder in _folders() for path in sorted(folder.glob("python3.*")) if _is_python(path)]
    if os.name == "nt":
        found += [folder / "python.exe" for folder in _folders() if (folder / "python.exe").is_file()]
    return list({path.resolve(): path for path in [Path(sys.executable), *named, *found]}.values())


def _is_python(path: Path) -> bool:
    match = re.fullmatch(r"python3\.(\d+)(\.exe)?", path.name)
    return match is not None and (3, int(match[1])) >= OLDEST and os.access(path, os.X_OK)


def _folders() -> list[Path]:
    """List the folders to look in.

    A pyenv shim fails unless pyenv selects its version, and is slow: what a folder of
    shims stands for is looked up in the folder of versions beside it.
    """
    path = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    pyenv = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))]
    pyenv += [folder.parent for folder in path if folder.name == "shims"]
    folders = [folder for folder in path if folder.name != "shims"]
    folders += [bin for root in pyenv for bin in sorted(root.glob("versions/*/bin"))]
    folders += [Path("/usr/bin"), Path("/usr/local/bin"), *sorted(Path("/opt").glob("*/bin"))]
    return list(dict.fromkeys(folders))


def _probe(candidates: list[Path]) -> list[Interpreter]:
    """Run the candidates side by side; what does not answer is no Python."""
    command = ["-I", "-S", "-c", PROBE]
    asked = []
    for path in candidates:
        try:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            asked.append(subprocess.Popen([path, *command], text=True, **pipes))
        except OSError:
            continue
    return [python for process in asked if (python := _answer(process))]


def _answer(process: subprocess.Popen) -> Interpreter | None:
    try:
        output, _ = process.communicate(timeout=PROBE_LIMIT)
        told = json.loads(output) if process.returncode == 0 else None
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    except ValueError:
        return None
    if not told or told["implementation"] != "cpython":
        return None
    series = "{}.{}".format(*told["info"])
    return Interpreter(Path(told["path"]).resolve(), told["version"], series, told["has_pip"], told["prefix"])
