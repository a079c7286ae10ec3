"""A server with one account on a free port, a wheel to upload, and clients without settings of this machine."""

import base64
import hashlib
import http.client
import os
import re
import subprocess
import sys
import threading
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from uv import find_uv_bin

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Python 3.11 and 3.12 say of what pypiserver imports that it goes
    import pypiserver  # noqa: F401

from private_index import add_account

LIMIT = 120  # seconds for one command
NAME, PASSWORD = "reader", "correct-horse-battery"
WRONG = "incorrect-horse-battery"


class Place:
    """A server that runs, and an empty folder and an environment for its clients."""

    def __init__(self, folder: Path, served: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.accounts, self.packages = served / "accounts", served / "packages"
        self.upload = f"http://127.0.0.1:{port}/"
        self.url = f"{self.upload}simple/"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "TWINE_"))},
            "HOME": str(folder),
            "USERPROFILE": str(folder),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_INPUT": "1",
            "PIP_TARGET": str(folder / "target"),
            "TWINE_NON_INTERACTIVE": "1",
            "UV_NO_CACHE": "1",
            "UV_NO_CONFIG": "1",
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
        }

    def with_account(self, password: str = PASSWORD, path: str = "simple/") -> str:
        """Give an address of the server that holds the account."""
        return f"http://{NAME}:{quote(password)}@127.0.0.1:{self.port}/{path}"

    def ask(self, path: str, password: str | None = PASSWORD, method: str = "GET", body: str = "") -> tuple[int, str]:
        """Give the status and the text of an answer."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if password is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{NAME}:{password}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, text

    def run(self, *command: str | Path, **environment: str) -> tuple[int, str]:
        """Run a command in the folder; give its exit status and what it printed."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        env = self.environment | environment
        done = subprocess.run(command, cwd=self.folder, env=env, text=True, encoding="utf-8", timeout=LIMIT, **options)
        return done.returncode, done.stdout

    def pip(self, *options: str | Path, **environment: str) -> tuple[int, str]:
        """Install `team-greeting` with pip."""
        return self.run(sys.executable, "-m", "pip", "install", *options, **environment)

    def uv(self, *options: str | Path, **environment: str) -> tuple[int, str]:
        """Install with uv."""
        target = ("--quiet", "--target", self.folder / "target")
        return self.run(find_uv_bin(), "pip", "install", *target, *options, **environment)

    def twine(self, *files: Path, password: str = PASSWORD) -> tuple[int, str]:
        """Upload with twine."""
        command = (sys.executable, "-m", "twine", "upload", "--disable-progress-bar", "--repository-url", self.upload)
        return self.run(*command, *files, TWINE_USERNAME=NAME, TWINE_PASSWORD=password)

    def publish(self, *arguments: str | Path, password: str = PASSWORD) -> tuple[int, str]:
        """Upload with `uv publish`."""
        command = (find_uv_bin(), "publish", "--publish-url", self.upload)
        return self.run(*command, *arguments, UV_PUBLISH_USERNAME=NAME, UV_PUBLISH_PASSWORD=password)

    def netrc(self, password: str = PASSWORD) -> None:
        """Write the account where pip, uv and curl look for it."""
        file = self.folder / ".netrc"
        file.touch(mode=0o600)
        file.write_text(f"machine 127.0.0.1\nlogin {NAME}\npassword {password}\n", "utf-8")

    @property
    def installed(self) -> list[str]:
        """What was installed."""
        return sorted(path.name for path in (self.folder / "target").glob("*.dist-info"))

    @property
    def published(self) -> list[str]:
        """What the server has."""
        return sorted(path.name for path in self.packages.iterdir())


@contextmanager
def running(*command: str | Path) -> Iterator[int]:
    """Run a server while the block runs, and give the port that it says it listens on."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen([sys.executable, *command], text=True, **options) as server:
        late = threading.Timer(LIMIT, server.kill)
        late.start()
        try:
            said = server.stdout.readline()
            late.cancel()
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
            assert found, f"the server said: {said}"
            yield int(found[1])
        finally:
            late.cancel()
            server.kill()


@contextmanager
def private_index(served: Path) -> Iterator[int]:
    """Run the server of the example with one account, and give its port."""
    add_account(served / "accounts", NAME, PASSWORD)
    (served / "packages").mkdir()
    command = ("-m", "private_index", "serve", served / "packages", "--accounts", served / "accounts", "--port", "0")
    with running(*command) as port:
        yield port


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server that this test may change."""
    with private_index(tmp_path) as port:
        yield Place(tmp_path, tmp_path, port)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    served = tmp_path_factory.mktemp("served")
    with private_index(served) as port:
        wheel(served / "packages")
        yield served, port


@pytest.fixture
def full(shared: tuple[Path, int], tmp_path: Path) -> Place:
    """A server that has one file, and that no test changes."""
    return Place(tmp_path, *shared)


def wheel(folder: Path, version: str = "1.0", code: str = "") -> Path:
    """Write a wheel of `team-greeting`."""
    information = f"team_greeting-{version}.dist-info"
    files = {
        "team_greeting.py": code,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: team-greeting\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for path, text in files.items()}
    record = [f"{path},sha256={digests[path].rstrip(b'=').decode()},{len(files[path].encode())}\n" for path in files]
    files[f"{information}/RECORD"] = "".join(record) + f"{information}/RECORD,,\n"
    built = folder / f"team_greeting-{version}-py3-none-any.whl"
    with zipfile.ZipFile(built, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return built
