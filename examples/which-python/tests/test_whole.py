"""Set-ups with nothing wrong: the doctor says so, and where the module comes from."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import setups
from setups import BASE, SERIES, Machine

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the set-ups are those of Linux and macOS")
AGREE = "Python, pip and folder agree"


@pytest.fixture
def tides(tmp_path: Path) -> Path:
    """The wheel of `tide-tables`, which one imports as `tides`."""
    return setups.make_wheel(tmp_path, "tide-tables", "tides")


def healthy(machine: Machine, python: str | Path, *arguments: str) -> str:
    """Ask the doctor, who must find nothing; give what it says."""
    result = machine.ask(python, *arguments)
    assert (result.status, result.do) == (0, "")
    return result.wrong


def test_an_active_environment(machine: Machine, tides: Path) -> None:
    machine.base()
    folder = machine.environment()
    setups.install_pip(folder)
    setups.install(folder, tides)
    python = machine.activate(folder)
    result = machine.ask(python, "tides")
    assert (result.status, result.wrong) == (0, f"tides comes from {setups.purelib(folder)}/tides/__init__.py")
    version = machine.run(python, "-c", "import platform; print(platform.python_version())").strip()
    assert result.report.splitlines() == [
        f"python    {folder}/bin/python, {version}",
        f"          virtual environment, made from {BASE}",
        f"PATH      python is {folder}/bin/python, this one",
        f"          python3 is {folder}/bin/python3, this one",
        f"also      {machine.bin}/python ({SERIES})",
        f"pip       {folder}/bin/pip, of this Python",
        "          python -m pip: yes",
        f"packages  {setups.purelib(folder)}",
        "          user site: off",
        "          externally managed: no",
        f"folder    {machine.work}",
        "          hides no standard module",
        f"variables VIRTUAL_ENV={folder}",
        f"module    tides: {setups.purelib(folder)}/tides/__init__.py",
    ]
    assert healthy(machine, python) == AGREE


def test_an_environment_called_by_its_path(machine: Machine, tides: Path) -> None:
    folder = machine.environment()
    setups.install_pip(folder)
    setups.install(folder, tides)
    assert healthy(machine, folder / "bin/python", "tides").startswith("tides comes from ")
    assert healthy(machine, folder / "bin/python") == AGREE


def test_an_environment_of_uv_has_no_pip_and_needs_none(machine: Machine, tides: Path) -> None:
    other = machine.environment("other")
    setups.install_pip(other)
    machine.environ["PATH"] = str(other / "bin")
    folder = machine.work / ".venv"
    uv = shutil.which("uv")
    if uv:
        options = {"check": True, "timeout": setups.LIMIT, "cwd": machine.work}
        subprocess.run([uv, "--no-config", "venv", "--quiet", "--offline", "--python", BASE, folder], **options)
    else:
        machine.environment()
        with open(folder / "pyvenv.cfg", "a") as settings:
            settings.write("uv = 0.13.8\n")
    print("with a real uv" if uv else "with a pyvenv.cfg as uv writes it")
    setups.install(folder, tides)
    python = machine.activate(folder)
    assert healthy(machine, python) == AGREE
    assert healthy(machine, python, "tides").startswith("tides comes from ")
    missing = machine.ask(python, "moon")
    assert missing.do == f"uv pip install --python {python} moon  # if moon is also its name on PyPI"


def test_debians_own_python_with_a_module_from_apt(machine: Machine, debian: str) -> None:
    module = min(setups.DEBIAN.glob("[a-z]*/__init__.py")).parent.name
    machine.bin.joinpath("python3").symlink_to(debian)
    assert healthy(machine, debian, module) == f"{module} comes from {setups.DEBIAN}/{module}/__init__.py"
    assert healthy(machine, debian) == AGREE


def test_a_version_that_pyenv_selects(machine: Machine) -> None:
    root, used = setups.pyenv_with(machine, "3.11.6", "3.11.10")
    print(f"with {used}")
    (root / "version").write_text("3.11\n")  # the newest 3.11
    python = root / "versions/3.11.10/bin/python"
    report = machine.ask(python).report
    assert f"PATH      python is {root}/shims/python, a shim of pyenv for {python}\n" in report
    assert healthy(machine, python) == AGREE
    if used == "real pyenv":
        assert machine.shell("pyenv() { :; }; python -c 'import sys; print(sys.executable)'").strip() == str(python)


def test_a_project_that_is_also_installed(machine: Machine, tides: Path) -> None:
    folder = machine.environment()
    setups.install(folder, tides)
    (machine.work / "pyproject.toml").touch()
    (machine.work / "tides").mkdir()
    (machine.work / "tides/__init__.py").touch()
    python = machine.activate(folder)
    assert healthy(machine, python, "tides") == f"tides comes from {machine.work}/tides/__init__.py"


def test_an_editable_install_outside_the_folder(machine: Machine) -> None:
    folder = machine.environment()
    source = machine.work.parent / "source"
    source.mkdir()
    (source / "tides.py").touch()
    (setups.purelib(folder) / "tides.pth").write_text(f"{source}\n")
    assert healthy(machine, folder / "bin/python", "tides") == f"tides comes from {source}/tides.py"


@pytest.mark.parametrize(
    ("module", "place"),
    [
        ("sys", "built-in"),
        ("zipimport", "frozen"),
        ("xml.etree", "xml/etree/__init__.py"),
        ("json", "json/__init__.py"),
    ],
)
def test_the_standard_library(machine: Machine, module: str, place: str) -> None:
    said = healthy(machine, machine.base(), module)
    assert said.startswith(f"{module} comes from ")
    assert said.endswith(place)


@pytest.mark.parametrize("name", ["test.py", "os.py", "random.txt", "my_random.py", "random/notes.py"])
def test_files_that_hide_nothing(machine: Machine, name: str) -> None:
    (machine.work / name).parent.mkdir(exist_ok=True)
    (machine.work / name).touch()
    assert healthy(machine, machine.base()) == AGREE
