"""A file of keys, and a service that runs with it on a free port."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import make_server

import pytest
from secret_rotation import KeyFile, add_key, make_app
from secret_rotation.__main__ import _Handler, _Server

LIMIT = 30  # seconds for one answer


class Place:
    """A folder with a file of keys."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "api-keys"

    def add(self, name: str, **options: object) -> str:
        """Make a key and give it."""
        add_key(self.file, name, self.folder / f"{name}.key", **options)
        return (self.folder / f"{name}.key").read_text("utf-8").strip()

    @contextmanager
    def serve(self) -> Iterator["Client"]:
        """Run the service while the block runs."""
        with make_server("127.0.0.1", 0, make_app(KeyFile(self.file)), _Server, _Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield Client(server.server_port)
            finally:
                server.shutdown()
                thread.join(LIMIT)


class Client:
    """What asks the service."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, key: str | None, scheme: str = "Bearer", path: str = "/") -> tuple[int, str]:
        """Give the status and the text of an answer."""
        headers = {} if key is None else {"Authorization": f"{scheme} {key}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_KEYS_FILE", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
