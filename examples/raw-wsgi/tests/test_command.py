"""The command: it serves on a free port, says where, and what is wrong."""

import contextlib
import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from raw_wsgi.__main__ import main

LIMIT = 8  # seconds for an answer; the server gives up a client that sends nothing after 10


@contextlib.contextmanager
def serving() -> Iterator[int]:
    """Run the command while the block runs, and give its port."""
    command = [sys.executable, "-m", "raw_wsgi", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline()
            assert said.startswith("Serving at http://127.0.0.1:"), said
            yield int(said.split(":")[2].split("/")[0])
        finally:
            process.kill()
            process.communicate(timeout=LIMIT)


def test_the_command_serves_the_site() -> None:
    with serving() as port, socket.create_connection(("127.0.0.1", port)):  # one that sends nothing holds up no other
        for method, target, body, expected in [
            ("GET", "/api/hello?name=Ada", None, (200, b'{"greeting": "Hello, Ada"}\n')),
            ("HEAD", "/api/hello?name=Ada", None, (200, b"")),
            ("GET", "/api/none", None, (404, b'{"error": "there is no such page"}\n')),
        ]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
            connection.request(method, target, body)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == expected
            connection.close()


@pytest.mark.parametrize(("port", "fault"), [("99999", "0-65535"), ("-1", "0-65535"), ("taken", "in use")])
def test_a_port_that_cannot_be_had_is_named(port: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1]) if port == "taken" else port
        assert main(["--port", port]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"raw-wsgi: port {port}: ")
    assert err.endswith("; choose another with --port\n")
    assert fault in err
    assert err.count("\n") == 1
