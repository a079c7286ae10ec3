"""Every example stands alone: its download, unpacked and installed elsewhere, passes its own tests."""

import json
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
from guide import archive
from support import pythons
from support.system import lacking, missing
from support.workshop import Workshop

PYTHONS = [pytest.param(python, id=f"python{python.series}") for python in pythons.supported()]
# What is installed; a deployment is configuration, which a test of its own starts.
PROJECTS = [name for name in archive.names() if not name.startswith("deploy-")]
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


@pytest.mark.full  # its README, which is run as a page, does the same with its source, under one Python
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", PROJECTS)
def test_example_installed_from_its_wheel_passes_its_tests(
    name: str,
    python: pythons.Interpreter,
    workshop: Workshop,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if reasons := lacking(NEEDS.get(name, ())):
        missing(reasons[0], NEEDS[name])
    wheel = workshop.wheel(name)
    imported = _imported(wheel)
    example = _without_its_code(archive.unpack(name, tmp_path), imported)
    venv = tmp_path / "venv"
    inside = workshop.venv(venv, wheel, *_test_requirements(example), python=python)

    found = json.loads(workshop.run(inside, "-c", WHERE, *imported, cwd=example))
    strangers = [place for places in found.values() for place in places if not Path(place).is_relative_to(venv)]
    assert strangers == []
    assert imported
    # A folder of its own, beside the environment: runs that share one clear away what others have left there.
    workshop.run(inside, "-m", "pytest", "--basetemp", tmp_path_factory.mktemp("temporary"), cwd=example)


def test_no_two_examples_give_the_same_import_package(workshop: Workshop) -> None:
    owners: dict[str, list[str]] = {}
    for name in [name for name in PROJECTS if not lacking(NEEDS.get(name, ()))]:
        for imported in _imported(workshop.wheel(name)):
            owners.setdefault(imported, []).append(name)
    assert {imported: names for imported, names in owners.items() if len(names) > 1} == COMPARED
