"""Both forms of import, each in a new interpreter: in one that has imported more, more names are bound."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import simple_package

BOTH = "bar, in module a\nfoo, in module b\n"
FROM_PACKAGE = "from simple_package import a, b; print(a.bar()); print(b.foo())"
PACKAGE_ALONE = "import simple_package; print(simple_package.a.bar()); print(simple_package.b.foo())"
ONE_MODULE = "import simple_package.a; print(simple_package.a.bar()); print(simple_package.b.foo())"
STAR = "from simple_package import *; print(a.bar()); print(b.foo())"


def run(code: str, folder: Path) -> tuple[str, str]:
    """Run the code in a new interpreter, in the folder; return its output and the last line of its errors."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return result.stdout, result.stderr.strip().rpartition("\n")[2]


@pytest.fixture
def empty_init(tmp_path: Path) -> Path:
    """A folder with a copy of the package whose __init__.py is empty."""
    copy = shutil.copytree(Path(simple_package.__file__).parent, tmp_path / "simple_package")
    (copy / "__init__.py").write_text("")
    return tmp_path


@pytest.mark.parametrize("code", [FROM_PACKAGE, PACKAGE_ALONE, ONE_MODULE, STAR])
def test_every_form_reaches_both_modules(code: str, tmp_path: Path) -> None:
    assert run(code, tmp_path) == (BOTH, "")


def test_an_empty_init_is_enough_for_the_from_form(empty_init: Path) -> None:
    assert run(FROM_PACKAGE, empty_init) == (BOTH, "")


def test_an_empty_init_binds_no_module(empty_init: Path) -> None:
    error = "AttributeError: module 'simple_package' has no attribute 'a'"
    assert run(PACKAGE_ALONE, empty_init) == ("", error)


def test_an_empty_init_binds_only_the_module_that_was_imported(empty_init: Path) -> None:
    error = "AttributeError: module 'simple_package' has no attribute 'b'"
    assert run(ONE_MODULE, empty_init) == ("bar, in module a\n", error)
