"""The broken pair fails from either side; each fix works from either side."""

import subprocess
import sys
from pathlib import Path

import circular_imports
import pytest

PACKAGE = Path(circular_imports.__file__).parent
FIXES = ["third_module", "import_module", "import_in_function"]


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run the code in a new interpreter, since a module is imported only once in each."""
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(("first", "name"), [("cart", "subtotal"), ("discount", "rebate")])
def test_names_imported_in_a_circle_fail(first: str, name: str) -> None:
    module = f"circular_imports.broken.{first}"
    result = run(f"import {module}")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"ImportError: cannot import name '{name}' from partially initialized module '{module}' "
        f"(most likely due to a circular import) ({PACKAGE / 'broken' / first}.py)"
    )


@pytest.mark.parametrize("fix", FIXES)
@pytest.mark.parametrize("order", ["cart, discount", "discount, cart"])
def test_each_fix_works_whichever_module_comes_first(fix: str, order: str) -> None:
    result = run(f"from circular_imports.{fix} import {order}; print(cart.total([3000]))")
    assert (result.stdout, result.stderr, result.returncode) == ("2700\n", "", 0)
