"""The indexes of the attack, each served on a free port, and pip and uv without settings of this machine."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dependency_confusion.indexes import make
from uv import find_uv_bin

LIMIT = 120  # seconds for one command
YOURS = "team_report 1.0: your code\n"
NEWER = "team_report 99.0: an attacker ran code as you\n"
SAME = "team_report 1.0: an attacker ran code as you\n"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *told: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder while the block runs, and give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=os.fspath(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()


class Attack:
    """The indexes, and a new empty folder for each installation."""

    def __init__(self, folder: Path, private: str, public: str, merged: str) -> None:
        self.folder, self.private, self.public, self.merged = folder, private, public, merged
        self.installed = 0
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "XDG_"))},
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
            "UV_NO_CACHE": "1",
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
            "XDG_CONFIG_DIRS": str(folder),
        }

    def run(self, *command: str | Path, **environment: str) -> tuple[int, str]:
        """Run a command in the folder; give its exit status and what it printed."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        env = self.environment | environment
        done = subprocess.run(command, cwd=self.folder, env=env, text=True, timeout=LIMIT, **options)
        return done.returncode, done.stdout

    def pip(self, *options: str | Path, **environment: str) -> str:
        """Install with pip; give what the installed module says, or the fault."""
        command = (sys.executable, "-m", "pip", "install", "--quiet", "--target", self._next(), *options)
        return self._said(self.run(*command, **environment))

    def uv(self, *options: str | Path, **environment: str) -> str:
        """Install with uv; give what the installed module says, or the fault."""
        command = (find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--target", self._next(), *options)
        return self._said(self.run(*command, **environment))

    @property
    def target(self) -> Path:
        """The folder of the latest installation."""
        return self.folder / f"target{self.installed}"

    def _next(self) -> Path:
        self.installed += 1
        return self.target

    def _said(self, done: tuple[int, str]) -> str:
        if done[0] != 0:
            return done[1]
        assert done[1] == ""
        import_it = "import sys; sys.path.insert(0, sys.argv[1]); import team_report"
        status, said = self.run(sys.executable, "-I", "-c", import_it, self.target)
        assert status == 0, said
        return said


@pytest.fixture
def attack(tmp_path: Path) -> Iterator[Attack]:
    make(tmp_path)
    with ExitStack() as stack:
        addresses = [stack.enter_context(served(tmp_path / name)) for name in ("private", "public", "merged")]
        yield Attack(tmp_path, *addresses)
