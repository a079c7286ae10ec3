"""Where tests build and install examples: one folder for the whole run, and nothing of this machine's settings."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from guide import archive
from uv import find_uv_bin

from support import pythons, wheelhouse

LIMIT = 300  # seconds for one command


class Workshop:
    """A folder that the tests of one run share, and the sealed environment that commands get in it."""

    def __init__(self, folder: Path, index_url: str) -> None:
        """Let commands find the packages at `index_url`, and nothing of this machine's settings."""
        self.folder = folder
        (folder / "home").mkdir(parents=True, exist_ok=True)
        self.environment = sealed(folder / "home", index_url) | {"UV_CACHE_DIR": str(folder / "uv-cache")}
        # What decides whether a missing program is a failure, and where a real pyenv is.
        passed_on = ("REQUIRE_SYSTEM", "PYENV_ROOT")
        self.environment |= {name: os.environ[name] for name in passed_on if name in os.environ}

    def run(self, *command: str | Path, cwd: Path) -> str:
        """Run a command to its end and return what it printed; a failure shows it all."""
        limits = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            done = subprocess.run(
                command, cwd=cwd, env=self.environment, text=True, encoding="utf-8", timeout=LIMIT, **limits
            )
        except subprocess.TimeoutExpired as late:
            pytest.fail(f"{_shown(command)}: not done after {LIMIT} s\n{late.stdout}", pytrace=False)
        if done.returncode != 0:
            pytest.fail(f"{_shown(command)}: exit status {done.returncode}\n{done.stdout}", pytrace=False)
        return done.stdout

    def venv(self, folder: Path, *packages: str | Path, python: pythons.Interpreter | None = None) -> Path:
        """Make a virtual environment with these packages, and nothing else, and return its Python.

        Args:
            folder: where it is to be; what contains it is there.
            packages: what an installer is told.
            python: whose environment it is; the reference, if none is given.
        """
        inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        of = (python or pythons.reference()).path
        self.run(find_uv_bin(), "venv", "--quiet", "--python", of, folder, cwd=folder.parent)
        if packages:
            self.run(find_uv_bin(), "pip", "install", "--quiet", "--python", inside, *packages, cwd=folder.parent)
        return inside

    def wheel(self, name: str) -> Path:
        """Return the wheel of an example, built from its download; each is built once per run."""
        packed = archive.pack(name)
        place = self.folder / f"{name}-{hashlib.sha256(packed).hexdigest()[:16]}"
        with wheelhouse.only_one(self.folder / f"{name}.lock"):
            if not list(place.glob("dist/*.whl")):
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                example = archive.unpack(name, place)
                uv_build = [find_uv_bin(), "build", "--quiet", "--wheel", "--python", pythons.reference().path]
                self.run(*uv_build, "--out-dir", place / "dist", cwd=example)
        [built] = place.glob("dist/*.whl")
        return built


def sealed(home: Path, index_url: str, *programs: Path) -> dict[str, str]:
    """Give an environment in which pip and uv find the packages of one index, and nothing of this machine's settings.

    Args:
        home: what programs take for the home folder.
        index_url: the address of the index.
        programs: folders that are searched before those of the system; Windows keeps its own list.

    Returns:
        The variables.
    """
    environment = {
        "HOME": str(home),
        "PATH": os.pathsep.join([*map(str, programs), os.defpath]),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index_url,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_DEFAULT_INDEX": index_url,
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    if os.name == "nt":
        environment |= {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "USERPROFILE")}
    return environment


def _shown(command: tuple[str | Path, ...]) -> str:
    return " ".join(str(part) for part in command)
