"""The command: what it prints, where, and its exit status."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import pytest

import greeting_library
from greeting_library.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [(["Ada"], "Hello, Ada!\n"), (["--language", "de", "Ada"], "Hallo, Ada!\n"), (["--list"], "de\nen\n")],
)
def test_it_prints_what_is_asked_for(arguments: list[str], printed: str, capsys: Capture) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr() == (printed, "")


def test_it_prints_its_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr() == (f"greeting {greeting_library.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of the arguments --list NAME is required"),
        (["--list", "Ada"], "argument NAME: not allowed with argument --list"),
        (["--language"], "argument --language: expected one argument"),
        (["--loud", "Ada"], "unrecognized arguments: --loud"),
    ],
)
def test_a_wrong_command_line_is_refused(arguments: list[str], message: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == f"greeting: error: {message}"


def test_an_unknown_language_is_refused(capsys: Capture) -> None:
    assert main(["--language", "fr", "Ada"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("greeting: unknown language 'fr'; installed are de, en. ")
    assert err.count("\n") == 1


def test_a_blank_name_is_refused(capsys: Capture) -> None:
    assert main([" "]) == 2
    assert capsys.readouterr() == ("", "greeting: the name is blank: ' '; say who is greeted\n")


def test_a_broken_plugin_is_one_line_without_traceback(install: Callable[..., None], capsys: Capture) -> None:
    install("greeting-broken", {"fr": "french"}, "import no_such_module")
    assert main(["--language", "fr", "Ada"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "greeting-broken 2.0" in err


def test_the_command_and_python_m_are_the_same() -> None:
    [command] = entry_points(group="console_scripts", name="greeting")
    assert command.load() is main
    run = [sys.executable, "-m", "greeting_library", "Ada"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello, Ada!\n", "")
