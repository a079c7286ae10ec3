"""Clients that mean well: one request, several at once, some that never pause, and wrk."""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from server_lab import apps

SCRIPT = Path(apps.__file__).with_name("wrk.lua")
MICRO = 1e-6  # seconds


class LoadError(RuntimeError):
    """No load can be made; the message says why, and what to do."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: the status code; None where no whole answer came.
        body: the body, or what came of it.
    """

    status: int | None
    body: bytes = b""


@dataclass(frozen=True)
class Load:
    """What wrk measured.

    Attributes:
        requests: answered.
        seconds: that it took.
        p50: the latency that half of the requests stay below, in seconds.
        p99: the latency that 99 % stay below, in seconds.
        errors: connections that failed, and answers that were no success.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int


# --8<-- [start:ask]
def ask(port: int, path: str = "/", timeout: float = 5) -> Answer:
    """Send one request over a connection of its own.

    Args:
        port: of the loopback.
        path: with its query.
        timeout: for the whole, in seconds.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    limit = time.monotonic() + timeout
    received = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout) as line:
        line.sendall(request.encode("ascii"))
        while _answer(received).status is None and (left := limit - time.monotonic()) > 0:
            line.settimeout(left)
            part = line.recv(65536)
            if not part:
                break
            received += part
    return _answer(received)


def _answer(received: bytes) -> Answer:
    """Read an answer, which is whole when it is as long as it says: some servers leave the connection open."""
    head, end, body = received.partition(b"\r\n\r\n")
    status, *headers = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.split(":")[1]) for line in headers if line.startswith("content-length:")), None)
    whole = bool(end) and status.startswith("http/1.") and length == len(body)
    return Answer(int(status.split()[1]) if whole else None, body)


# --8<-- [end:ask]
def answered(port: int, number: int, timeout: float) -> int:
    """Send several requests at once, and count the whole answers of status 200.

    Args:
        port: of the loopback.
        number: of requests.
        timeout: of each, in seconds.
    """
    with ThreadPoolExecutor(number) as pool:
        answers = pool.map(lambda _: ask(port, timeout=timeout), range(number))
        return sum(answer.status == 200 for answer in answers)


def workers(port: int, number: int, tries: int = 100) -> set[int]:
    """Find the processes that answer, by asking until there are as many as expected.

    Args:
        port: of the loopback.
        number: of processes that are expected.
        tries: the requests after which it gives up.
    """
    found: set[int] = set()
    for _ in range(tries):
        answer = ask(port, "/pid", timeout=2)
        if answer.status == 200:
            found.add(int(answer.body))
        if len(found) >= number:
            break
    return found


class Clients:
    """Clients that send one request after the other, each over a connection of its own, while the block runs.

    Attributes:
        total: the requests that they have sent.
        failed: those of them that got no whole answer of status 200.
    """

    def __init__(self, port: int, number: int = 4) -> None:
        """Make as many clients as wanted, for a port of the loopback."""
        self.total = self.failed = 0
        self._port = port
        self._stop = threading.Event()
        self._counting = threading.Lock()
        self._threads = [threading.Thread(target=self._go_on, daemon=True) for _ in range(number)]

    def __enter__(self) -> "Clients":
        """Let them begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let each end its request, and count it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        while not self._stop.is_set():
            failed = ask(self._port).status != 200
            with self._counting:
                self.total += 1
                self.failed += failed
            if failed:
                time.sleep(0.01)  # a server that is gone refuses at once


def wrk(port: int, connections: int, seconds: float) -> Load:
    """Let wrk ask for `/` over some connections, each as fast as answers come.

    Args:
        port: of the loopback.
        connections: that are open at the same time.
        seconds: whole ones; wrk knows no others.

    Raises:
        LoadError: wrk is missing, or says what is not understood.
    """
    command = [program(), "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", SCRIPT, f"http://127.0.0.1:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 20, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("LAB "):
            requests, duration, p50, p99, errors = map(int, line.split()[1:])
            return Load(requests, duration * MICRO, p50 * MICRO, p99 * MICRO, errors)
    raise LoadError(
        f"wrk ended with exit status {done.returncode} and no figures: {(done.stderr or done.stdout)[:300]}"
    )


def program() -> str:
    """Find wrk.

    Raises:
        LoadError: it is missing.
    """
    if found := shutil.which("wrk"):
        return found
    raise LoadError("wrk is missing, which makes the load (Debian and Ubuntu: apt install wrk)")
