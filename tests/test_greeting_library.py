"""The library that readers copy: what is built of it is complete, and installers and type checkers take it.

That its own tests pass, on every Python, is for tests/test_examples.py.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from guide import archive
from support import pythons, system
from support.workshop import sealed
from uv import find_uv_bin

NAME, VERSION = "greeting_library", "1.0.0"
WHEEL = f"{NAME}-{VERSION}-py3-none-any.whl"
SDIST = f"{NAME}-{VERSION}.tar.gz"
MODULES = ["__init__.py", "__main__.py", "_errors.py", "_greet.py", "_languages.py", "cli.py", "py.typed"]
LIMIT = 120  # seconds for one command
PYTHON = pythons.reference().path
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
TOOLS = ["build", "check-wheel-contents", "pytest"]  # pytest, since the types of the tests are checked too
USER = "from greeting_library import greet\n\nreveal_type(greet)\ngreet(1)\n"


@dataclass(frozen=True)
class Workshop:
    """A copy of the library as a reader unpacks it, an environment with tools, and commands that see no more."""

    folder: Path
    index_url: str

    @property
    def library(self) -> Path:
        """The folder of the library."""
        return self.folder / "greeting-library"

    @property
    def dist(self) -> Path:
        """What was built of it."""
        return self.library / "dist"

    def run(self, *command: str | Path, exits: int = 0, **variables: str) -> str:
        """Run a command in the folder of the library and return what it printed."""
        environment = sealed(self.folder, self.index_url, Path(find_uv_bin()).parent)
        environment |= {"NO_COLOR": "1", "UV_CACHE_DIR": str(self.folder / "cache")}
        outputs = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(
            command, cwd=self.library, env=environment | variables, encoding="utf-8", timeout=LIMIT, **outputs
        )
        assert done.returncode == exits, done.stdout
        return done.stdout

    def environment(self, name: str, *packages: str | Path) -> Path:
        """Make an environment with these packages and return its Python."""
        python = self.folder / name / SCRIPTS / "python"
        self.run(find_uv_bin(), "venv", "--quiet", "--python", PYTHON, self.folder / name)
        if packages:
            self.run(find_uv_bin(), "pip", "install", "--quiet", "--python", python, *packages)
        return python


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, index_url: str) -> Workshop:
    """Unpack the library and build it: the sdist, and the wheel from the sdist.

    Warnings are errors in `build` and in the backend's process: a deprecated call or a misspelt table stops the build.
    The isolated environments have nothing but what `[build-system]` names.
    """
    workshop = Workshop(tmp_path_factory.mktemp("greeting-library"), index_url)
    archive.unpack("greeting-library", workshop.folder)
    tools = workshop.environment("tools", *TOOLS)
    workshop.run(tools, "-m", "build", "--installer", "uv", PYTHONWARNINGS="error")
    return workshop


@pytest.fixture(scope="module")
def own_index(workshop: Workshop) -> Iterator[str]:
    """Serve what was built, and nothing else, from an index that static-index makes."""
    from static_index import build, make_server

    files = workshop.folder / "files"
    files.mkdir()
    for name in (WHEEL, SDIST):
        shutil.copy(workshop.dist / name, files)
    build(files, workshop.folder / "index")
    with make_server(workshop.folder / "index", port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()


def test_one_wheel_and_one_sdist_are_built(workshop: Workshop) -> None:
    assert sorted(path.name for path in workshop.dist.glob("*.*") if path.name != ".gitignore") == [WHEEL, SDIST]


def test_the_wheel_holds_the_package_its_types_and_the_licence(workshop: Workshop) -> None:
    info = f"{NAME}-{VERSION}.dist-info"
    described = ["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"]
    with zipfile.ZipFile(workshop.dist / WHEEL) as wheel:
        assert sorted(wheel.namelist()) == sorted(
            [*(f"{NAME}/{module}" for module in MODULES), *(f"{info}/{file}" for file in described)]
        )
        assert wheel.read(f"{info}/licenses/LICENSE") == (workshop.library / "LICENSE").read_bytes()


def test_the_sdist_holds_what_it_takes_to_build_and_to_test(workshop: Workshop) -> None:
    top = [".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "noxfile.py", "pyproject.toml", "tox.ini"]
    docs = ["docs/add-a-language.md", "docs/index.md"]
    tests = [f"tests/{name}.py" for name in ("conftest", "test_cli", "test_docs", "test_greet")]
    expected = [*top, *docs, *(f"src/{NAME}/{module}" for module in MODULES), *tests]
    with tarfile.open(workshop.dist / SDIST) as sdist:
        assert sorted(sdist.getnames()) == sorted(f"{NAME}-{VERSION}/{file}" for file in expected)


def test_twine_finds_nothing_to_warn_of(workshop: Workshop) -> None:
    twine = [sys.executable, "-m", "twine", "--no-color", "check", "--strict"]
    files = [f"dist/{WHEEL}", f"dist/{SDIST}"]
    assert workshop.run(*twine, *files).splitlines() == [f"Checking {file}: PASSED" for file in files]


def test_check_wheel_contents_finds_nothing(workshop: Workshop) -> None:
    check = workshop.folder / "tools" / SCRIPTS / "check-wheel-contents"
    assert workshop.run(check, f"dist/{WHEEL}") == f"dist/{WHEEL}: OK\n"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_it_installs_from_an_index(installer: str, workshop: Workshop, own_index: str) -> None:
    python = workshop.environment(installer)
    programs = {
        "pip": [sys.executable, "-m", "pip", "--python", python, "install", "--index-url", own_index],
        "uv": [find_uv_bin(), "pip", "install", "--python", python, "--default-index", own_index],
    }
    workshop.run(*programs[installer], "--quiet", f"greeting-library=={VERSION}")
    assert workshop.run(python.with_name("greeting"), "--version") == f"greeting {VERSION}\n"
    assert workshop.run(python.with_name("greeting"), "Ada") == "Hello, Ada!\n"
    where = "import greeting_library; print(greeting_library.__file__)"
    assert Path(workshop.run(python, "-c", where).strip()).is_relative_to(workshop.folder / installer)


@pytest.fixture(scope="module")
def typed(workshop: Workshop) -> Path:
    """Give the Python of an environment with the library, from its wheel, and what its group `types` names."""
    if lacking := system.lacking(["mypy"]):
        system.missing(lacking[0], ["mypy"])
    return workshop.environment("typed", workshop.dist / WHEEL, "mypy", "pytest")


def test_mypy_is_content_with_the_library_and_its_tests(workshop: Workshop, typed: Path) -> None:
    sources = len(list(workshop.library.glob("src/*/*.py"))) + len(list(workshop.library.glob("tests/*.py")))
    assert workshop.run(typed, "-m", "mypy") == f"Success: no issues found in {sources} source files\n"


def test_the_types_reach_those_who_install_it(workshop: Workshop, typed: Path) -> None:
    user = workshop.folder / "user.py"
    user.write_text(USER, encoding="utf-8")
    said = workshop.run(typed, "-m", "mypy", "--strict", "--config-file", os.devnull, user, exits=1)
    assert 'Revealed type is "def (name: str, language: str =) -> str"' in said
    assert 'Argument 1 to "greet" has incompatible type "int"; expected "str"' in said
