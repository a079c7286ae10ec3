"""The greeting, and what greeting-library needs to find it. greeting-library itself is not needed."""

import subprocess
import sys
from importlib.metadata import distribution

from greeting_plugin import french

GROUP = "greeting_library.languages"


def test_it_greets_in_french() -> None:
    assert french("Ada") == "Bonjour, Ada !"


def test_it_registers_french_and_nothing_else() -> None:
    [found] = distribution("greeting-plugin").entry_points
    assert (found.group, found.name, found.value) == (GROUP, "fr", "greeting_plugin:french")


def test_what_it_registers_is_the_function() -> None:
    [found] = distribution("greeting-plugin").entry_points
    assert found.load() is french


def test_it_imports_nothing_of_the_library_that_it_extends() -> None:
    ask = "import sys, greeting_plugin; print([name for name in sys.modules if name.startswith('greeting')])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("['greeting_plugin']\n", "")
