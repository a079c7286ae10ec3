"""What each build backend says to the older forms of a licence: the table of the page about licences, row by row."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from guide import ROOT
from support.workshop import Workshop

PAGE = ROOT / "docs/publishing/licence-readme-classifiers-links.md"
LIMIT = 120  # seconds for one command
# What the page calls them: what is installed, and what is called.
BACKENDS = {
    "hatchling": ("hatchling", "hatchling.build"),
    "setuptools": ("setuptools", "setuptools.build_meta"),
    "uv_build": ("uv-build", "uv_build"),
    "flit": ("flit-core", "flit_core.buildapi"),
    "pdm-backend": ("pdm-backend", "pdm.backend"),
    "poetry-core": ("poetry-core", "poetry.core.masonry.api"),
}
LICENCE_CLASSIFIER = 'classifiers = ["License :: OSI Approved :: MIT License"]'
# In the order of the columns.
FORMS = ['license = "MIT License"', f'license = "MIT"\n{LICENCE_CLASSIFIER}', 'license = { text = "MIT" }']
RECOMMENDED = 'license = "MIT"\nlicense-files = ["LICENSE"]\nclassifiers = ["Typing :: Typed"]'
UNKNOWN = 'license = "MIT"\nclassifiers = ["Typing :: Tpyed"]'
PROJECT = """\
[build-system]
requires = []
build-backend = "{backend}"

[project]
name = "paper-kite"
version = "1.0"
description = "Fold a kite."
requires-python = ">=3.11"
{form}
"""
# Build a wheel of each folder named, and print as JSON what came of it and what was said.
BUILD = """
import importlib, json, os, subprocess, sys
backend, *folders = sys.argv[1:]
call = f"import {backend} as backend; print(backend.build_wheel('dist'))"
told = []
for folder in folders:
    ran = subprocess.run([sys.executable, "-c", call], cwd=folder, capture_output=True, text=True)
    told.append([ran.returncode, ran.stderr])
print(json.dumps(told))
"""
ROW = re.compile(r"^\| ([\w-]+) \| (\w+) \| (\w+) \| (\w+) \|$", re.MULTILINE)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="looks for the Python of an environment as on Linux and macOS")


def outcomes(backend: str, forms: list[str], python: Path, place: Path) -> list[str]:
    """Build a project with each form, and say in a word what became of it."""
    folders = []
    for number, form in enumerate(forms):
        folder = place / str(number)
        files = {"pyproject.toml": PROJECT.format(backend=backend, form=form)}
        files |= {"LICENSE": "MIT\n", "src/paper_kite/__init__.py": '"""Kites."""\n'}
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
        (folder / "dist").mkdir()
        folders.append(str(folder))
    environment = {"HOME": str(place), "PATH": f"{python.parent}:{os.defpath}", "LC_ALL": "C.UTF-8"}
    command = [str(python), "-c", BUILD, backend, *folders]
    limits = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": LIMIT, "check": True}
    told = json.loads(subprocess.run(command, env=environment, cwd=place, **limits).stdout)
    return ["error" if status else "warning" if _warns(said) else "accepted" for status, said in told]


def _warns(said: str) -> bool:
    return re.search(r"(?i)warning: .*licen[sc]e", said) is not None


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall(PAGE.read_text("utf-8"))


@pytest.mark.parametrize(("name", "told"), [(name, told) for name, *told in rows()])
def test_a_backend_does_with_old_forms_what_the_table_says(
    name: str, told: list[str], workshop: Workshop, tmp_path: Path
) -> None:
    package, backend = BACKENDS[name]
    python = workshop.venv(tmp_path / "venv", package)  # alone: setuptools does more beside what hatchling needs
    # The page also says: all take what it recommends, and hatchling alone knows the classifiers.
    others = ["accepted", "error" if name == "hatchling" else "accepted"]
    assert outcomes(backend, [*FORMS, RECOMMENDED, UNKNOWN], python, tmp_path) == [*told, *others]


def test_the_table_has_every_backend() -> None:
    assert [name for name, *_ in rows()] == list(BACKENDS)
