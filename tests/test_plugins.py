"""A host and its plugin, each built from its download: together they find each other, and apart they do not."""

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.workshop import Workshop
from uv import find_uv_bin

HOST, PLUGIN = "greeting-library", "greeting-plugin"
LIMIT = 60  # seconds for one greeting


class Environment:
    """A fresh environment, and the host's command in it."""

    def __init__(self, folder: Path, workshop: Workshop) -> None:
        """Make it, with nothing installed."""
        self.folder, self.workshop = folder, workshop
        self.python = workshop.venv(folder)

    def pip(self, *command: str | Path) -> None:
        """Install or uninstall."""
        self.workshop.run(find_uv_bin(), "pip", *command, "--quiet", "--python", self.python, cwd=self.folder)

    def greeting(self, *arguments: str) -> tuple[int, str, str]:
        """Run the host's command; give its exit status, its output and its errors."""
        command = [self.python.with_stem("greeting"), *arguments]
        streams = {"capture_output": True, "text": True, "encoding": "utf-8", "stdin": subprocess.DEVNULL}
        settings = {"env": self.workshop.environment, "cwd": self.folder, "timeout": LIMIT, "check": False}
        done = subprocess.run(command, **streams, **settings)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def environment(tmp_path: Path, workshop: Workshop) -> Callable[..., Environment]:
    """Give a function that installs the wheels of examples, one after the other."""

    def install(*examples: str) -> Environment:
        made = Environment(tmp_path / "venv", workshop)
        for example in examples:
            made.pip("install", "--no-index", workshop.wheel(example))
        return made

    return install


def test_the_host_alone_does_not_know_the_language(environment: Callable[..., Environment]) -> None:
    alone = environment(HOST)
    assert alone.greeting("--list") == (0, "de\nen\n", "")
    status, output, errors = alone.greeting("--language", "fr", "Ada")
    assert (status, output) == (2, "")
    assert errors.startswith("greeting: unknown language 'fr'; installed are de, en. ")


@pytest.mark.parametrize("order", [(HOST, PLUGIN), (PLUGIN, HOST)], ids="-then-".join)
def test_host_and_plugin_find_each_other_whichever_comes_first(
    order: tuple[str, str], environment: Callable[..., Environment]
) -> None:
    both = environment(*order)
    assert both.greeting("--list") == (0, "de\nen\nfr\n", "")
    assert both.greeting("--language", "fr", "Ada") == (0, "Bonjour, Ada !\n", "")


def test_uninstalling_the_plugin_takes_its_language_and_nothing_else(environment: Callable[..., Environment]) -> None:
    both = environment(HOST, PLUGIN)
    assert both.greeting("--list") == (0, "de\nen\nfr\n", "")
    both.pip("uninstall", PLUGIN)
    assert both.greeting("--list") == (0, "de\nen\n", "")
    assert both.greeting("--language", "fr", "Ada")[0] == 2
    assert both.greeting("Ada") == (0, "Hello, Ada!\n", "")


def test_the_plugin_is_told_of_in_its_wheel_alone(workshop: Workshop) -> None:
    with zipfile.ZipFile(workshop.wheel(PLUGIN)) as wheel:
        registered = wheel.read("greeting_plugin-1.0.dist-info/entry_points.txt").decode()
        metadata = wheel.read("greeting_plugin-1.0.dist-info/METADATA").decode()
    assert registered == "[greeting_library.languages]\nfr = greeting_plugin:french\n"
    assert "Requires-Dist" not in metadata
    with zipfile.ZipFile(workshop.wheel(HOST)) as wheel:
        assert not [name for name in wheel.namelist() if "french" in wheel.read(name).decode()]
