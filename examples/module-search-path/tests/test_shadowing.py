"""The folder ``shadowing`` is broken on purpose: this is how."""

import subprocess
import sys
from pathlib import Path

from module_search_path import hidden_by

SHADOWING = Path(__file__).parent.parent / "shadowing"


def roll(*options: str) -> subprocess.CompletedProcess[str]:
    """Run dice.py as a script with options for the interpreter."""
    command = [sys.executable, *options, str(SHADOWING / "dice.py")]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_file_random_hides_the_standard_module() -> None:
    result = roll()
    error = result.stderr.splitlines()[-1]
    assert result.returncode == 1
    assert error.startswith("AttributeError: ")
    assert "module 'random' has no attribute 'Random'" in error


def test_newer_pythons_say_which_file_to_rename() -> None:
    hint = f"(consider renaming '{SHADOWING / 'random.py'}' since it has the same name as"
    assert (hint in roll().stderr) == (sys.version_info >= (3, 13))


def test_option_p_leaves_the_folder_of_the_script_out() -> None:
    result = roll("-P")
    assert (result.stdout, result.stderr, result.returncode) == ("1 1\n", "", 0)


def test_hidden_by_finds_the_file() -> None:
    assert hidden_by(SHADOWING) == ["random"]
