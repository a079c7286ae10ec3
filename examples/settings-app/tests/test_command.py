"""The command, as processes of its own on free ports."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

TOKEN = "a-token-of-the-tests"
LIMIT = 30  # seconds for one process to come to its end
posix = pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal that it could handle")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Give the environment of a deployment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SETTINGS_APP_")}
    mine = {"API_TOKEN": TOKEN, "DATABASE_URL": f"sqlite:///{folder / 'notes.db'}", "PORT": "0"} | more
    return inherited | {f"SETTINGS_APP_{name}": value for name, value in mine.items() if value}


def run(folder: Path, command: str, **more: str) -> tuple[int, str, str]:
    """Run a command to its end; give its exit status, its output and its errors."""
    options = {"capture_output": True, "text": True, "timeout": LIMIT, "stdin": subprocess.DEVNULL}
    typed = [sys.executable, "-m", "settings_app", command]
    done = subprocess.run(typed, cwd=folder, env=environment(folder, **more), **options)
    return done.returncode, done.stdout, done.stderr


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """Run the server, and give its process and its port."""
    typed = [sys.executable, "-m", "settings_app", "serve"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(typed, cwd=folder, env=environment(folder, **more), text=True, **pipes) as process:
        late = threading.Timer(LIMIT, process.kill)
        late.start()
        try:
            said = process.stdout.readline()
            found = re.fullmatch(r"INFO listening on http://127\.0\.0\.1:(\d+)/\n", said)
            assert found, said
            yield process, int(found[1])
        finally:
            process.kill()
            late.cancel()


def begin(process: subprocess.Popen, port: int, size: int) -> socket.socket:
    """Send the head of a request, whose body is to have a number of bytes, and wait until it is taken up."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {size}\r\n\r\n"
    connection.sendall(head.encode())
    # Connections are taken up in their order.
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as later:
        later.request("GET", "/")
        assert later.getresponse().read() == b""
    assert process.stdout.readline() == 'INFO "GET / HTTP/1.1" 200 0\n'
    return connection


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it stopped listening meanwhile
        return False
    return False


def test_wrong_settings_end_the_start_with_status_2(tmp_path: Path) -> None:
    said = (
        "settings-app: these settings are wrong\n"
        "SETTINGS_APP_API_TOKEN: missing; expected 16 or more ASCII characters without a space\n"
        "SETTINGS_APP_PORT (environment): expected a whole number from 0 to 65535\n"
    )
    for command in ("check", "init-db", "serve"):
        assert run(tmp_path, command, API_TOKEN="", PORT="eighty") == (2, "", said)
    assert list(tmp_path.iterdir()) == []


@posix
def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    said = "SETTINGS_APP_HOST (environment): not UTF-8; expected an IPv4 address\n"
    assert run(tmp_path, "check", HOST="\udcff") == (2, "", f"settings-app: these settings are wrong\n{said}")


def test_check_shows_the_settings_without_their_secrets(tmp_path: Path) -> None:
    shown = (
        "api_token = Secret('**********')\n"
        "database_url = Secret('**********')\n"
        "host = '127.0.0.1'\n"
        "port = 0\n"
        "allowed_hosts = ('127.0.0.1', 'localhost')\n"
        "read_only = False\n"
        "stop_seconds = 5.0\n"
    )
    assert run(tmp_path, "check") == (0, shown, "")


def test_without_a_database_there_is_no_start(tmp_path: Path) -> None:
    said = "settings-app: the database: unable to open database file; settings-app init-db makes one\n"
    assert run(tmp_path, "serve") == (1, "", said)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    assert run(tmp_path, "init-db") == (0, "", "")
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        assert run(tmp_path, "serve", PORT=str(port)) == (
            1,
            "",
            f"settings-app: 127.0.0.1:{port}: {os.strerror(98 if sys.platform == 'linux' else 48)}\n",
        )


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_at_its_end_it_answers_what_has_begun_and_nothing_new(number: signal.Signals, tmp_path: Path) -> None:
    run(tmp_path, "init-db")
    with serving(tmp_path) as (process, port), closing(begin(process, port, size=4)) as connection:
        process.send_signal(number)
        end = time.monotonic() + 5
        while not refused(port):
            assert time.monotonic() < end
            time.sleep(0.02)
        connection.sendall(b"last")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.read()) == (201, b"last\n")
        assert process.wait(LIMIT) == 0
        assert process.stdout.read() == 'INFO "POST / HTTP/1.1" 201 5\nINFO stopped; requests cut off: 0\n'


@posix
def test_a_request_that_hangs_does_not_hold_the_end_up(tmp_path: Path) -> None:
    run(tmp_path, "init-db")
    with serving(tmp_path, STOP_SECONDS="0.2") as (process, port), closing(begin(process, port, size=4)):
        process.terminate()
        started = time.monotonic()
        assert process.wait(LIMIT) == 0
        assert time.monotonic() - started < 5
        assert process.stdout.read() == "INFO stopped; requests cut off: 1\n"


def test_what_a_client_sends_cannot_forge_a_line_of_the_log(tmp_path: Path) -> None:
    run(tmp_path, "init-db")
    with serving(tmp_path) as (process, port), closing(socket.create_connection(("127.0.0.1", port), LIMIT)) as client:
        client.sendall(b"GET /\x1b[2JINFO HTTP/1.0\r\nHost: localhost\r\n\r\n")
        client.recv(1)
        assert process.stdout.readline() == 'INFO "GET /\\x1b[2JINFO HTTP/1.0" 404 16\n'
