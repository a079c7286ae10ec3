"""Every example stands alone: its download, unpacked and installed elsewhere, passes its own tests."""

import hashlib
import json
import os
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
from guide import archive
from support import pythons, wheelhouse
from support.system import lacking, missing
from uv import find_uv_bin

LIMIT = 300  # seconds for one command
REFERENCE = pythons.reference()
PYTHONS = [
    pytest.param(python, id=f"python{python.series}", marks=[] if python == REFERENCE else pytest.mark.full)
    for python in pythons.supported()
]
# One import package in two examples: a page compares their wheels, from before and after a change.
COMPARED = {"folder_report": ["legacy-setup-py", "migrated-setup-py"]}
# What of tests/support/system.py the wheel of an example cannot be built without.
NEEDS = {"native-extension": ["compiler"]}
# Where each name given would be imported from.
WHERE = """
import importlib.util, json, sys
specs = {name: importlib.util.find_spec(name) for name in sys.argv[1:]}
print(json.dumps({name: list(spec.submodule_search_locations or [spec.origin]) for name, spec in specs.items()}))
"""


class Workshop:
    """A folder that the tests of one run share, and the sealed environment that commands get in it."""

    def __init__(self, folder: Path, index_url: str) -> None:
        """Let commands find the packages at `index_url`, and nothing of this machine's settings."""
        self.folder = folder
        (folder / "home").mkdir(parents=True, exist_ok=True)
        self.environment = {
            "HOME": str(folder / "home"),
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index_url,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_CACHE_DIR": str(folder / "uv-cache"),
            "UV_DEFAULT_INDEX": index_url,
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        # What decides whether a missing program is a failure, and where a real pyenv is.
        passed_on = ("REQUIRE_SYSTEM", "PYENV_ROOT")
        self.environment |= {name: os.environ[name] for name in passed_on if name in os.environ}
        if os.name == "nt":
            self.environment |= {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "USERPROFILE")}

    def run(self, *command: str | Path, cwd: Path) -> str:
        """Run a command to its end and return what it printed; a failure shows it all."""
        limits = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            done = subprocess.run(
                command, cwd=cwd, env=self.environment, text=True, encoding="utf-8", timeout=LIMIT, **limits
            )
        except subprocess.TimeoutExpired as late:
            pytest.fail(f"{_shown(command)}: not done after {LIMIT} s\n{late.stdout}", pytrace=False)
        if done.returncode != 0:
            pytest.fail(f"{_shown(command)}: exit status {done.returncode}\n{done.stdout}", pytrace=False)
        return done.stdout

    def wheel(self, name: str) -> Path:
        """Return the wheel of an example, built from its download; each is built once per run."""
        packed = archive.pack(name)
        place = self.folder / f"{name}-{hashlib.sha256(packed).hexdigest()[:16]}"
        with wheelhouse.only_one(self.folder / f"{name}.lock"):
            if not list(place.glob("dist/*.whl")):
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                example = archive.unpack(name, place)
                uv_build = [find_uv_bin(), "build", "--quiet", "--wheel", "--python", REFERENCE.path]
                self.run(*uv_build, "--out-dir", place / "dist", cwd=example)
        [built] = place.glob("dist/*.whl")
        return built


def _shown(command: tuple[str | Path, ...]) -> str:
    return " ".join(str(part) for part in command)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, index_url: str) -> Workshop:
    """The one folder of all workers of pytest-xdist."""
    folder = tmp_path_factory.getbasetemp()
    return Workshop((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "examples", index_url)


def _test_requirements(example: Path) -> list[str | Path]:
    """Give what an installer is told, so that the tests of an example can run."""
    try:
        settings = tomllib.loads((example / "pyproject.toml").read_text("utf-8"))
    except FileNotFoundError:  # a project of before there was one
        return ["--requirements", example / "requirements-dev.txt"]
    return settings["dependency-groups"]["test"]


def _imported(wheel: Path) -> list[str]:
    """List what a wheel gives to import: its top-level packages and modules."""
    with zipfile.ZipFile(wheel) as members:
        tops = {name.split("/")[0].removesuffix(".py") for name in members.namelist()}
    return sorted(top for top in tops if not top.endswith((".dist-info", ".data")))


def _without_its_code(example: Path, imported: list[str]) -> Path:
    """Take away what the wheel holds, so that tests can import nothing but what is installed."""
    for place in [example / "src", *(example / name for name in imported)]:
        if place.is_dir():
            shutil.rmtree(place)
        place.with_name(f"{place.name}.py").unlink(missing_ok=True)
    return example


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", archive.names())
def test_example_installed_from_its_wheel_passes_its_tests(
    name: str, python: pythons.Interpreter, workshop: Workshop, tmp_path: Path
) -> None:
    if reasons := lacking(NEEDS.get(name, ())):
        missing(reasons[0], NEEDS[name])
    wheel = workshop.wheel(name)
    imported = _imported(wheel)
    example = _without_its_code(archive.unpack(name, tmp_path), imported)
    venv = tmp_path / "venv"
    inside = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    needs = _test_requirements(example)
    workshop.run(find_uv_bin(), "venv", "--quiet", "--python", python.path, venv, cwd=tmp_path)
    workshop.run(find_uv_bin(), "pip", "install", "--quiet", "--python", inside, wheel, *needs, cwd=tmp_path)

    found = json.loads(workshop.run(inside, "-c", WHERE, *imported, cwd=example))
    strangers = [place for places in found.values() for place in places if not Path(place).is_relative_to(venv)]
    assert strangers == []
    assert imported
    workshop.run(inside, "-m", "pytest", cwd=example)


def test_no_two_examples_give_the_same_import_package(workshop: Workshop) -> None:
    owners: dict[str, list[str]] = {}
    for name in [name for name in archive.names() if not lacking(NEEDS.get(name, ()))]:
        for imported in _imported(workshop.wheel(name)):
            owners.setdefault(imported, []).append(name)
    assert {imported: names for imported, names in owners.items() if len(names) > 1} == COMPARED
