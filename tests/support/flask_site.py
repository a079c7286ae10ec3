"""The example flask-site as its users have it: installed from its wheel, with its own command, in its own process."""

import contextlib
import hashlib
import http.client
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from json import dumps, loads
from pathlib import Path
from urllib.parse import urlencode

from support.postgres import ATTEMPTS, free_port

LIMIT = 60.0  # seconds for a server to start or to end, for an answer, and for a command
KEY = "a-key-of-the-tests-and-of-nothing-else"  # for writes by the API
SETTINGS = {
    "SECRET_KEY": "a-secret-key-of-the-tests-and-of-nothing-else",
    "API_KEYS": hashlib.sha256(KEY.encode()).hexdigest(),
}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")

    def json(self) -> object:
        """Read the body as JSON."""
        return loads(self.body)


class Deployment:
    """The application with its settings, and a folder for its files; it runs when it is started."""

    def __init__(self, program: Path, folder: Path, database_url: str | None = None, **settings: str) -> None:
        """Take the installed command, an empty folder and the settings; the database is SQLite if none is given."""
        self.program, self.folder = program, folder
        self.port = 0
        self.log = folder / "site.log"
        self.log.touch()
        self.database_url = database_url or f"sqlite:///{folder / 'site.db'}"
        chosen = SETTINGS | {"DATABASE_URL": self.database_url} | settings
        self.environment = {"PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        self.environment |= {f"FLASK_SITE_{name}": value for name, value in chosen.items()}
        self.process: subprocess.Popen | None = None
        self.command = ["serve"]

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run one of its commands to its end, and give what it printed, its errors included."""
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            timeout=LIMIT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == status, f"flask-site {' '.join(arguments)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    @contextlib.contextmanager
    def serving(self, *options: str, command: str = "serve") -> Iterator["Deployment"]:
        """Serve while the block runs, which may kill the server and start it again."""
        self.command = [command, *options]
        try:
            self.start()
            yield self
        except BaseException as error:
            error.add_note(f"--- log of flask-site\n{self.said()}")
            raise
        finally:
            if self.process:
                self.kill()

    def start(self) -> None:
        """Start the server and wait until it answers; after the first time, on the same port."""
        assert self.process is None, "it runs already"
        again = self.port != 0
        for _ in range(ATTEMPTS):
            self.port = self.port if again else free_port()
            before = self.log.stat().st_size
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    [self.program, *self.command, "--port", str(self.port)],
                    cwd=self.folder,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C ends the tests, and they end the server
                )
            if self._answers():
                return
            self.process = None
            assert b"in use" in self.log.read_bytes()[before:], f"it does not start\n{self.said()}"
        raise AssertionError(f"no free port in {ATTEMPTS} attempts")

    def terminate(self) -> int:
        """Ask the server to end, wait until it has, and give its exit status."""
        self.process.terminate()
        status = self.process.wait(LIMIT)
        self.process = None
        return status

    def kill(self) -> None:
        """End the server at once."""
        self.process.kill()
        self.process.wait(LIMIT)
        self.process = None

    def connected(self, timeout: float = LIMIT) -> contextlib.closing[http.client.HTTPConnection]:
        """Give a connection to the server, to be used in a `with` block."""
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout))

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        *,
        json: object = None,
        form: dict[str, str] | None = None,
        timeout: float = LIMIT,
        **headers: str,
    ) -> Answer:
        """Send one request and give the answer to it; a redirect is not followed.

        Args:
            method: as HTTP has it.
            path: with what follows a question mark, if anything does.
            body: what is sent as it is.
            json: sent as JSON, with the key.
            form: sent as a browser sends a form.
            timeout: seconds until nothing more is waited for.
            headers: added, `_` for `-`.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if json is not None:
            body = dumps(json)
            sent = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"} | sent
        if form is not None:
            body = urlencode(form)
            sent = {"Content-Type": "application/x-www-form-urlencoded"} | sent
        with self.connected(timeout) as connection:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def add(self, name: str) -> Answer:
        """Add a package by the API."""
        return self.ask("POST", "/api/packages", json=package(name))

    def said(self) -> str:
        """Give the last lines that the server printed."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-30:])

    def _answers(self) -> bool:
        """Wait until the server answers, or has ended."""
        end = time.monotonic() + LIMIT
        while self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/healthz", timeout=5).status == 200:
                    return True
            assert time.monotonic() < end, f"it does not answer\n{self.said()}"
            time.sleep(0.02)
        return False


def package(name: str) -> dict[str, str]:
    """Give what the API is told of a package."""
    return {"name": name, "summary": f"The package {name}", "url": f"https://example.org/{name}"}
