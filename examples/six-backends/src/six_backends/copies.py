"""Copies of a project, each with the build backend of its own."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib.resources import files
from pathlib import Path

TABLE = re.compile(r"^\[build-system\]\n(?:(?!\[).*\n)*", re.MULTILINE)
GENERATED = "generated.txt"  # in the import package, made by a tool, ignored by git
NOTES = "notes.txt"  # beside pyproject.toml, known to nobody
LEFT_OUT = (".*", "__pycache__", "build", "dist", "*.egg-info")


class Refused(ValueError):
    """A project or a backend that cannot be compared; the message names it and says what to do."""


def backends() -> dict[str, str]:
    """Return the `[build-system]` tables, as text, by the name of the backend."""
    folder = files("six_backends") / "backends"
    return {file.name.removesuffix(".toml"): file.read_text("utf-8") for file in folder.iterdir()}


def with_backend(pyproject: str, backend: str) -> str:
    """Exchange the `[build-system]` table of a pyproject.toml, and nothing else.

    Args:
        pyproject: the text of the file.
        backend: the name of the other backend.

    Returns:
        The new text.

    Raises:
        Refused: where there is no such backend, or not one table to exchange.
    """
    known = backends()
    if backend not in known:
        raise Refused(f"{backend}: no such backend here; choose from {', '.join(sorted(known))}")
    text, count = TABLE.subn(lambda _: known[backend] + "\n", pyproject)
    if count != 1:
        raise Refused("pyproject.toml: it must have one [build-system] table, at the beginning of a line")
    try:
        before, after, wanted = (tomllib.loads(each) for each in (pyproject, text, known[backend]))
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"pyproject.toml: it, or what it becomes, is no TOML: {error}") from error
    if after != before | wanted:
        raise Refused("pyproject.toml: something would change beside [build-system]; write that table in plain lines")
    return text


def copy(project: Path, backend: str, target: Path, *, age: int = 0, umask: int = 0o022) -> Path:
    """Copy a project as a fresh checkout has it, with another backend and two files that git does not track.

    Args:
        project: the folder of a project in src layout, with one import package.
        backend: the name of a backend.
        target: the folder to make.
        age: of the files, in seconds.
        umask: the rights that the files do not have.

    Returns:
        The target.

    Raises:
        Refused: where the project is not of that form.
    """
    try:
        text = with_backend((project / "pyproject.toml").read_text("utf-8"), backend)
    except FileNotFoundError:
        raise Refused(f"{project}: it has no pyproject.toml; name the folder of a project") from None
    except UnicodeDecodeError:
        raise Refused(f"{project / 'pyproject.toml'}: it is not UTF-8; write it anew in that encoding") from None
    packages = [init.parent.relative_to(project) for init in project.glob("src/*/__init__.py")]
    if len(packages) != 1:
        raise Refused(f"{project}: it must have one package below src, and has {len(packages)}")
    shutil.copytree(project, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (target / "pyproject.toml").write_text(text, "utf-8")
    (target / packages[0] / GENERATED).write_text("made by a tool\n", "utf-8")
    (target / ".gitignore").write_text(f"{GENERATED}\n", "utf-8")
    (target / NOTES).write_text("ask for a raise\n", "utf-8")
    # Some backends ask git what it ignores.
    subprocess.run(["git", "init", "--quiet", target], check=True, capture_output=True)
    for path in [*target.rglob("*"), target]:
        if ".git" not in path.relative_to(target).parts:
            path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
            time = path.stat().st_mtime - age
            os.utime(path, (time, time))
    return target
