"""Servers that run while a test asks them."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT = 90  # seconds for a server to listen, or to end


def ordinary_user() -> list[str]:
    """Give the prefix under which root becomes an ordinary user, as some servers want it."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return []
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]


@contextmanager
def serving(command: list, port: int, folder: Path, environment: dict[str, str], log: Path) -> Iterator[int]:
    """Run a server until the block ends, and stop it by its own process id.

    Args:
        command: the program and its arguments.
        port: of the loopback, on which it is to listen.
        folder: in which it runs.
        environment: all its variables.
        log: a file for what it says.

    Yields:
        Its process id.
    """
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    try:
        wait_for(process, port, LIMIT, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(LIMIT)
        finally:
            process.kill()
            process.wait()


def wait_for(process: subprocess.Popen, port: int, limit: float, log: Path | None = None) -> None:
    """Wait until a server listens.

    Args:
        process: the server.
        port: of the loopback.
        limit: in seconds.
        log: a file for what it says, to be shown where it does not listen.

    Raises:
        AssertionError: it has ended, or the time has passed.
    """
    end = time.monotonic() + limit
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    said = f":\n{log.read_text('utf-8')}" if log else ""
    raise AssertionError(f"no server on its port, exit status {process.poll()}{said}")
