"""Set-ups that are broken for real, each with the one line that says so, the command that mends it, and the cost."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest
import setups
from setups import BASE, SERIES, Machine, Result

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the set-ups are those of Linux and macOS")
HAS_ENSUREPIP = find_spec("ensurepip") is not None  # Debian packages it apart

FILES = 80  # that a run may open

WATCH = """
import atexit, json, runpy, sys

seen = {"open": 0, "processes": [], "imported": []}
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect")

def watch(event, arguments):
    if event == "open":
        seen["open"] += 1
    elif event in STARTS:
        seen["processes"].append(event)
    elif event == "import":
        seen["imported"].append(arguments[0])

doctor, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = doctor
atexit.register(lambda: sys.stderr.write(json.dumps(seen)))
sys.addaudithook(watch)
runpy.run_path(doctor, run_name="__main__")
"""


def wrong(machine: Machine, python: str | Path, *arguments: str) -> Result:
    """Ask the doctor, who must find something."""
    result = machine.ask(python, *arguments)
    assert result.status == 1
    return result


def mended(machine: Machine, python: str | Path, *arguments: str) -> str:
    """Ask again; there is nothing left to find."""
    result = machine.ask(python, *arguments)
    assert (result.status, result.do) == (0, ""), result
    return result.wrong


@pytest.fixture
def tides(tmp_path: Path) -> Path:
    """The wheel of `tide-tables`, which one imports as `tides`."""
    return setups.make_wheel(tmp_path, "tide-tables", "tides")


# pyenv


def test_a_shim_of_a_version_that_is_not_installed(machine: Machine) -> None:
    _, used = setups.pyenv_with(machine, "3.11.7")
    print(f"with {used}")
    (machine.work / ".python-version").write_text("3.12.99\n")
    if used == "real pyenv":
        shim = subprocess.run(["bash", "-c", "python"], **_typed(machine))
        assert shim.returncode != 0
        assert "version `3.12.99' is not installed" in shim.stderr
    result = wrong(machine, BASE)
    assert result.wrong == (
        f"python is a shim of pyenv, and 3.12.99, which {machine.work}/.python-version selects, is not installed"
    )
    assert result.do == "pyenv install 3.12.99"
    (machine.work / ".python-version").write_text("3.11\n")
    mended(machine, BASE)


def test_a_shim_that_a_variable_selects(machine: Machine) -> None:
    setups.pyenv_with(machine, "3.11.7")
    machine.environ["PYENV_VERSION"] = "nowhere"
    assert wrong(machine, BASE).wrong == (
        "python is a shim of pyenv, and nowhere, which PYENV_VERSION selects, is not installed"
    )


# Debian's own Python


def test_debians_own_python_leaves_its_packages_to_apt(machine: Machine, debian: str) -> None:
    machine.bin.joinpath("python3").symlink_to(debian)
    series = debian.rpartition("python")[2]
    result = wrong(machine, debian, "tides")
    assert result.wrong == f"tides is not installed for {debian} ({series}), nor for any other Python found"
    assert result.do == (
        f"{debian} -m venv .venv && .venv/bin/python -m pip install tides  # if tides is also its name on PyPI"
    )
    assert "externally managed: yes, pip leaves it to the system" in result.report


# Environments


def test_an_environment_that_was_moved(machine: Machine) -> None:
    old = machine.environment("old/.venv")
    new = machine.work / "new/.venv"
    old.parent.rename(new.parent)
    expected = f"{new} was moved or copied from {old}, and its commands still look there"
    again = f"{BASE} -m venv --clear {new}  # then install your packages again"
    assert wrong(machine, new / "bin/python")[1:3] == (expected, again)

    python = machine.base()  # activated, it puts on PATH what is not there, and this one runs
    machine.work = new.parent
    machine.activate(old)
    assert not (old / "bin").exists()
    result = wrong(machine, python)
    assert (result.wrong, result.do) == (expected, again.replace(BASE, str(python)))
    machine.shell(result.do.replace("--clear", "--clear --without-pip"))
    machine.environ |= {"VIRTUAL_ENV": str(new), "PATH": f"{new / 'bin'}:{machine.bin}"}
    mended(machine, new / "bin/python", "json")


def test_an_environment_that_was_deleted_while_it_was_active(machine: Machine) -> None:
    python = machine.base()
    folder = machine.environment()
    machine.activate(folder)
    shutil.rmtree(folder)
    result = wrong(machine, python)
    assert (result.wrong, result.do) == (f"{folder} is activated, and is not there any more", "deactivate")
    del machine.environ["VIRTUAL_ENV"]
    machine.environ["PATH"] = str(machine.bin)
    mended(machine, python)


def test_an_environment_whose_python_is_gone(machine: Machine) -> None:
    folder = machine.environment()
    link = folder / "bin/python"
    link.unlink()
    link.symlink_to(f"{machine.work}/opt/python3.10")
    python = machine.base()
    machine.activate(folder)
    with pytest.raises(FileNotFoundError):
        machine.run(link, "--version")
    result = wrong(machine, python)
    assert result.wrong == f"the Python of {folder} is gone: it was {machine.work}/opt/python3.10"
    assert result.do == f"{python} -m venv --clear {folder}  # then install your packages again"
    machine.shell(result.do.replace("--clear", "--clear --without-pip"))
    mended(machine, link, "json")


def test_activated_and_another_python_runs_by_an_alias(machine: Machine, tides: Path) -> None:
    folder = machine.environment()
    setups.install(folder, tides)
    other = machine.base()
    machine.activate(folder)
    result = wrong(machine, other, "tides")
    assert result.wrong == f"{folder} is activated, but this is {other} ({SERIES}): an alias, or its full path"
    assert result.do == f"{folder}/bin/python -c 'import tides'"
    mended(machine, folder / "bin/python", "tides")
    assert wrong(machine, other).do == f"{folder}/bin/python -m site"


def test_activated_and_another_python_comes_first_on_path(machine: Machine, tides: Path) -> None:
    folder = machine.environment()
    setups.install(folder, tides)
    other = machine.base()
    machine.activate(folder)
    machine.environ["PATH"] = f"{machine.bin}:{machine.environ['PATH']}"
    result = wrong(machine, other, "tides")
    assert result.wrong == f"{folder} is activated, but PATH has {other} before it"
    assert result.do == f". {folder}/bin/activate"
    assert machine.shell(f"{result.do}; command -v python").strip() == f"{folder}/bin/python"


def test_a_module_installed_in_an_environment_that_is_not_active(machine: Machine, tides: Path) -> None:
    folder = machine.environment()
    setups.install(folder, tides)
    python = machine.base()
    result = wrong(machine, python, "tides")
    assert result.wrong == f"tides is installed in {folder}; this is {python} ({SERIES})"
    assert result.do == f"{folder}/bin/python -c 'import tides'"
    mended(machine, folder / "bin/python", "tides")


def test_an_editable_install_in_an_environment_that_is_not_active(machine: Machine) -> None:
    folder = machine.environment()
    source = machine.work.parent / "source"
    source.mkdir()
    (source / "tides.py").touch()
    (setups.purelib(folder) / "tides.pth").write_text(f"{source}\n")
    python = machine.base()
    assert wrong(machine, python, "tides").wrong == f"tides is installed in {folder}; this is {python} ({SERIES})"


def test_a_module_installed_for_a_python_far_away(machine: Machine, tides: Path) -> None:
    machine.base()
    far = machine.work.parent / "far"
    venv.create(far, symlinks=True)
    setups.install(far, tides)
    machine.environ["PATH"] += f":{far / 'bin'}"
    near = machine.environment()
    result = wrong(machine, near / "bin/python", "tides")
    assert result.wrong == f"tides is installed for {far}/bin/python ({SERIES}); this is {near}/bin/python ({SERIES})"
    python = f"{near}/bin/python"
    assert result.do == f"{python} -m ensurepip && {python} -m pip install tide-tables"


def test_an_environment_without_pip(machine: Machine) -> None:
    other = machine.environment("other")
    setups.install_pip(other)
    machine.environ["PATH"] = f"{other / 'bin'}"
    folder = machine.environment()
    python = machine.activate(folder)
    result = wrong(machine, python)
    assert result.wrong == f"{folder} has no pip, and pip installs for {other}/bin/python ({SERIES})"
    assert result.do == f"{python} -m ensurepip --default-pip"
    if HAS_ENSUREPIP:
        machine.shell(result.do)
        mended(machine, python)


def test_nothing_is_installed_anywhere(machine: Machine) -> None:
    folder = machine.environment()
    setups.install_pip(folder)
    python = machine.activate(folder)
    result = wrong(machine, python, "tides")
    assert result.wrong == f"tides is not installed for {python} ({SERIES}), nor for any other Python found"
    assert result.do == f"{python} -m pip install tides  # if tides is also its name on PyPI"


# pip


def test_the_pip_of_another_python_comes_first(machine: Machine, tides: Path) -> None:
    other, folder = machine.environment("other"), machine.environment()
    for each in (other, folder):
        setups.install_pip(each)
    python = machine.activate(folder)
    machine.environ["PATH"] = f"{machine.bin}:{machine.environ['PATH']}"
    (machine.bin / "pip").symlink_to(other / "bin/pip")
    offline = ("--no-index", "--no-deps", "--disable-pip-version-check")
    assert machine.run("pip", "install", *offline, tides).splitlines()[-1] == ("Successfully installed tide-tables-1.0")

    result = wrong(machine, python, "tides")
    there = f"{other}/bin/python ({SERIES})"
    assert result.wrong == f"pip installs for {there}, which has tides; this is {python} ({SERIES})"
    assert result.do == f"{python} -m pip install tide-tables"
    alone = wrong(machine, python)
    assert (alone.wrong, alone.do) == (
        f"pip installs for {there}; this is {python} ({SERIES})",
        f"{python} -m pip --version",
    )
    machine.shell(result.do.replace("tide-tables", shlex.join([*offline, str(tides)])))
    mended(machine, python, "tides")


def test_a_pip_whose_python_is_gone(machine: Machine) -> None:
    other, folder = machine.environment("other"), machine.environment()
    for each in (other, folder):
        setups.install_pip(each)
    (machine.bin / "pip").symlink_to(other / "bin/pip")
    (other / "bin/python").unlink()
    result = wrong(machine, folder / "bin/python")
    assert result.wrong == f"{machine.bin}/pip starts {other}/bin/python, which is not there"
    assert result.do == f"{folder}/bin/python -m pip --version"
    assert machine.shell(result.do).startswith("pip ")


# Names


@pytest.mark.parametrize("asked", ["tide_tables", "tide-tables", "Tides"])
def test_the_name_to_install_is_not_the_name_to_import(machine: Machine, tides: Path, asked: str) -> None:
    folder = machine.environment()
    setups.install(folder, tides)
    python = machine.activate(folder)
    result = wrong(machine, python, asked)
    assert result.wrong == f"tide-tables is installed here, and its name in an import is tides, not {asked}"
    assert result.do == f"{python} -c 'import tides'"
    mended(machine, python, "tides")


def test_a_submodule_that_is_not_there(machine: Machine, tides: Path) -> None:
    folder = machine.environment()
    setups.install(folder, tides)
    result = wrong(machine, folder / "bin/python", "tides.moon")
    assert result.wrong == f"tides is found, and has no tides.moon: {setups.purelib(folder)}/tides/__init__.py"


# Files that hide others


def test_a_file_of_mine_hides_what_is_installed(machine: Machine, tides: Path) -> None:
    folder = machine.environment()
    setups.install(folder, tides)
    python = machine.activate(folder)
    mine = machine.work / "tides.py"
    mine.touch()
    result = wrong(machine, python, "tides")
    assert (result.wrong, result.do) == (
        f"{mine} hides the installed tides",
        f"mv {mine} {machine.work}/my_tides.py",
    )
    machine.shell(result.do)
    assert mended(machine, python, "tides") == f"tides comes from {setups.purelib(folder)}/tides/__init__.py"


@pytest.mark.parametrize("arguments", [(), ("random",), ("random.sub",)])
def test_a_file_of_mine_hides_the_standard_library(machine: Machine, arguments: tuple[str, ...]) -> None:
    python = machine.base()
    mine = machine.work / "random.py"
    mine.write_text("raise SystemExit('imported')\n")
    result = wrong(machine, python, *arguments)
    assert (result.wrong, result.do) == (
        f"{mine} hides the standard module random",
        f"mv {mine} {machine.work}/my_random.py",
    )
    machine.shell(result.do)
    mended(machine, python, *arguments[:1] if "." not in "".join(arguments) else ())


def test_the_doctor_imports_nothing_that_lies_beside_it(machine: Machine) -> None:
    python = machine.environment() / "bin/python"
    everywhere = machine.work.parent / "everywhere"
    everywhere.mkdir()
    before = machine.run(python, "-c", "import sys; print(*sys.modules)").split()
    for name in sys.stdlib_module_names:
        for folder in (machine.tool, everywhere)[: 1 if name in before else 2]:
            (folder / f"{name}.py").write_text("raise SystemExit('imported')\n")
    machine.environ["PYTHONPATH"] = str(everywhere)
    assert machine.run(python, "-c", "import random", status=1) == "imported\n"
    first = wrong(machine, python).wrong
    assert first == f"{machine.tool}/__future__.py hides the standard module __future__"


# Variables


def test_an_empty_entry_in_pythonpath(machine: Machine) -> None:
    python = machine.base()
    library = machine.work.parent / "library"
    library.mkdir()
    machine.environ["PYTHONPATH"] = f"{library}:"
    assert str(machine.work) in machine.run(python, "-P", "-c", "import sys; print(sys.path)")
    result = wrong(machine, python)
    assert result.wrong == "PYTHONPATH has an empty entry: every program imports from the folder it is started in"
    assert result.do == f"export PYTHONPATH={library}"
    machine.environ["PYTHONPATH"] = str(library)
    mended(machine, python)


def test_pythonpath_of_another_version(machine: Machine) -> None:
    python = machine.base()
    older = machine.work.parent / "lib/python3.6/site-packages"
    older.mkdir(parents=True)
    machine.environ["PYTHONPATH"] = str(older)
    result = wrong(machine, python, "tides")
    assert result.wrong == f"PYTHONPATH has {older}, which is for Python 3.6; this is {SERIES}"
    assert result.do == "unset PYTHONPATH"
    machine.environ["PYTHONPATH"] = f"{older}:{machine.work}"
    assert wrong(machine, python).do == f"export PYTHONPATH={machine.work}"


def test_pythonhome_of_another_python(machine: Machine) -> None:
    python = machine.base()
    machine.environ["PYTHONHOME"] = str(machine.work)
    assert "No module named 'encodings'" in machine.run(python, "-c", "pass", status=1)
    result = wrong(machine, python, "-E", "tides")
    assert result.wrong == f"PYTHONHOME is {machine.work}: every Python takes its standard library from there"
    assert result.do == "unset PYTHONHOME"
    del machine.environ["PYTHONHOME"]
    mended(machine, python)


def test_a_folder_that_pythonsafepath_keeps_out(machine: Machine) -> None:
    python = machine.base()
    (machine.work / "tides.py").touch()
    machine.environ["PYTHONSAFEPATH"] = "1"
    result = wrong(machine, python, "tides")
    assert result.wrong == "tides lies in this folder, and PYTHONSAFEPATH or -P keeps the folder out"
    assert result.do == "unset PYTHONSAFEPATH"
    del machine.environ["PYTHONSAFEPATH"]
    mended(machine, python, "tides")


# What it costs


def test_it_starts_nothing_imports_nothing_of_yours_and_opens_few_files(machine: Machine, tides: Path) -> None:
    python = machine.environment("near") / "bin/python"
    setups.install(machine.environment(), tides)
    setups.install(python.parent.parent, setups.make_wheel(machine.work, "moon-phases", "moon"))
    for asked, status in (("tides", 1), ("moon_phases", 1), ("moon.full", 1), ("moon", 0)):
        command = [python, "-c", WATCH, machine.doctor, asked]
        done = subprocess.run(command, **{**_typed(machine), "env": machine.environ})
        seen = json.loads(done.stderr)
        assert done.returncode == status
        assert seen["processes"] == []
        assert not {"tides", "moon"} & set(seen["imported"])
        assert 10 < seen["open"] < FILES


def _typed(machine: Machine) -> dict:
    search = {**machine.environ, "PATH": f"{machine.environ['PATH']}:{os.defpath}"}
    return {"cwd": machine.work, "env": search, "timeout": setups.LIMIT, "text": True, "capture_output": True}
