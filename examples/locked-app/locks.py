"""Lock this project in four formats, install each into an environment of its own, and say what is in it.

    python locks.py

Needs pip 26.3 or newer and uv in the environment that runs it. Run it in the folder of pyproject.toml; the locks
come to lie there, the environments in the folder `environments`.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

PIP = [sys.executable, "-m", "pip"]
UV = [sys.executable, "-m", "uv"]
ENVIRONMENTS = Path("environments").absolute()


# --8<-- [start:lock]
def lock() -> None:
    """Write the four locks of the project in the current folder, from what its index has today."""
    environment = create("to-freeze")
    run(*PIP, "--python", environment, "install", "--only-deps", ".")
    Path("constraints.txt").write_text(run(*PIP, "--python", environment, "freeze"), "utf-8")

    options = ["--universal", "--generate-hashes", "--upgrade"]  # without it, uv keeps the versions of an older lock
    run(*UV, "pip", "compile", *options, "pyproject.toml", "--output-file", "requirements.txt")

    run(*PIP, "lock", "--only-deps", ".", "--output", "pylock.toml")

    run(*UV, "lock", "--upgrade", "--python", sys.executable)


# --8<-- [end:lock]


# --8<-- [start:install]
def install() -> Iterator[tuple[str, list[str]]]:
    """Install the project's dependencies from each lock.

    Yields:
        The name of the lock, and what its environment then holds: `name==version`, sorted.
    """
    ways = {
        "constraints.txt": ["--constraint", "constraints.txt", "--only-deps", "."],
        "requirements.txt": ["--require-hashes", "--requirement", "requirements.txt"],
        "pylock.toml": ["--requirement", "pylock.toml"],
    }
    for name, options in ways.items():
        environment = create(name)
        run(*PIP, "--python", environment, "install", *options)
        yield name, installed(environment)

    environment = create("uv.lock")
    place = {"UV_PROJECT_ENVIRONMENT": str(environment)}  # instead of .venv
    run(*UV, "sync", "--locked", "--no-install-project", "--python", sys.executable, variables=place)
    yield "uv.lock", installed(environment)


# --8<-- [end:install]


def create(name: str) -> Path:
    """Make an environment without pip: the pip that runs this script installs into it."""
    folder = ENVIRONMENTS / name
    venv.create(folder, clear=True)
    return folder


def installed(environment: Path) -> list[str]:
    """List what an environment holds, as `name==version`."""
    listed = json.loads(run(*PIP, "--python", environment, "list", "--format", "json"))
    return sorted(f"{package['name'].lower()}=={package['version']}" for package in listed)


def run(*command: str | Path, variables: Mapping[str, str] = {}) -> str:
    """Run a command to its end and return its output; one that fails ends this program with all it said."""
    quiet = {"stdin": subprocess.DEVNULL, "capture_output": True}  # nobody would see a question
    done = subprocess.run(command, **quiet, text=True, env=os.environ | variables)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    lock()
    for name, packages in install():
        print(f"{name:16}", *packages)
