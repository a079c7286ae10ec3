"""What servers do when something fails: each function puts one fault on a running server, and says what came of it."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil

from server_lab import load
from server_lab.results import Broken, Idle, Killed, Reloaded, SlowClients, Stopped
from server_lab.servers import STOP_LIMIT, Running

try:
    import resource
except ImportError:  # Windows
    resource = None

SLOW, FAST = 4, 10  # slow requests beside a fast one; requests that see whether others are answered
RELOADS = 3
BROKEN_LIMIT = 15  # seconds until broken code has its effect, if it has one
OPENING_LIMIT = 20  # seconds in which connections are opened
RESPAWN_LIMIT = 5  # seconds until a process answers in the place of a killed one
RELOAD_LIMIT = 8  # seconds until no old process answers
BATCH = 200  # idle connections that are opened at once
SPARE_FILES = 500  # that the lab itself may have open
BROKEN = "\nthis is no Python\n"


class FilesError(RuntimeError):
    """Too few files may be open; the message says how many, and what to do."""


# --8<-- [start:wait]
def wait_beside_slow(running: Running, seconds: float) -> float:
    """Send four slow requests, then a fast one, and measure how long the fast one takes.

    Args:
        running: the server.
        seconds: that each slow request takes.

    Returns:
        Seconds.
    """
    with ThreadPoolExecutor(SLOW) as pool:
        slow = [pool.submit(load.ask, running.port, f"/slow?seconds={seconds}", 30) for _ in range(SLOW)]
        time.sleep(seconds / 5)  # until they are under way
        started = time.monotonic()
        load.ask(running.port, timeout=30)
        took = time.monotonic() - started
        for request in slow:
            request.result()
    return took


# --8<-- [end:wait]


def stop_in_flight(running: Running, seconds: float) -> Stopped:
    """Send SIGTERM to the main process while a request is being answered.

    Args:
        running: the server, which ends by this, or is killed.
        seconds: that the request takes.
    """
    with _in_flight(running, seconds) as (_, request):
        running.process.send_signal(signal.SIGTERM)
        try:
            status = running.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            status = None
        return Stopped(answered=request().status == 200, exit=status)


def reload_under_load(running: Running) -> Reloaded | None:
    """Reload three times while clients ask, and count the requests that fail."""
    if not running.server.reload:
        return None
    done = 0
    with load.Clients(running.port) as clients:
        for _ in range(RELOADS):
            old = {process.pid for process in running.processes()}
            running.reload()
            done += _only_new(running, old)
    return Reloaded(failed=clients.failed, total=clients.total, done=done)


def _only_new(running: Running, old: set[int]) -> bool:
    """Wait until twenty answers in a row come from new processes."""
    limit = time.monotonic() + RELOAD_LIMIT
    in_a_row = 0
    while time.monotonic() < limit:
        answer = load.ask(running.port, "/pid", timeout=2)
        new = answer.status == 200 and int(answer.body) not in old
        in_a_row = in_a_row + 1 if new else 0
        if in_a_row == 20:
            return True
        time.sleep(0.01)
    return False


def reload_broken(running: Running, patience: float) -> Broken | None:
    """Break the code of the application, reload, and see whether the site still answers.

    Args:
        running: the server, which may be gone afterwards.
        patience: seconds for answers, and to settle before the look.
    """
    if not running.server.reload:
        return None
    with running.module.open("a", encoding="utf-8") as module:
        module.write(BROKEN)
    running.reload()
    limit = time.monotonic() + BROKEN_LIMIT
    while _runs(running) and load.ask(running.port, timeout=patience).status == 200 and time.monotonic() < limit:
        time.sleep(0.05)
    time.sleep(patience)
    return Broken(answered=load.answered(running.port, FAST, patience), asked=FAST, runs=_runs(running))


def kill_worker(running: Running, seconds: float) -> Killed:
    """Kill a process that is answering a request, while clients ask, and see what is lost and whether it comes back.

    Args:
        running: the server, which may be gone afterwards.
        seconds: that the request takes.
    """
    before = {process.pid for process in running.processes()}
    with load.Clients(running.port) as clients:
        with _in_flight(running, seconds) as (worker, request):
            os.kill(worker, signal.SIGKILL)
            lost = request().status != 200
        limit = time.monotonic() + RESPAWN_LIMIT
        back = False
        while not back and _runs(running) and time.monotonic() < limit:
            back = bool(load.workers(running.port, running.server.processes, tries=20) - before)
            time.sleep(0.02)
    up = back or load.answered(running.port, FAST, RESPAWN_LIMIT) > 0
    return Killed(in_flight=lost, failed=clients.failed, total=clients.total, back=back, up=up)


def slow_clients(running: Running, number: int, seconds: float, patience: float) -> SlowClients:
    """Let clients send requests byte by byte that never end, and see whether others are answered.

    Args:
        running: the server.
        number: of slow clients.
        seconds: until the others ask.
        patience: seconds that the others wait.
    """
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(_connected(running.port)) for _ in range(number)]
        ended = threading.Event()
        feeder = threading.Thread(target=_feed, args=(lines, ended), daemon=True)
        feeder.start()
        try:
            time.sleep(seconds)
            return SlowClients(number, load.answered(running.port, FAST, patience), FAST)
        finally:
            ended.set()
            feeder.join()


def _feed(lines: list[socket.socket], ended: threading.Event) -> None:
    part = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
    while not ended.is_set():
        for line in lines:
            with contextlib.suppress(OSError):
                line.send(part)
        part = b"x"
        ended.wait(0.1)


def idle_connections(running: Running, number: int, patience: float) -> Idle:
    """Open connections that send nothing, and see how many are held, what they weigh and whether others are answered.

    They are opened in batches. A batch of which none is made is the last one, and so is one that ends too late.

    Args:
        running: the server.
        number: of connections.
        patience: seconds for the connections to be made, and for answers to others.
    """
    files, memory = _open_files(running), whole_memory(running)
    lines: list[socket.socket] = []
    connected = fresh = 0
    try:
        limit = time.monotonic() + OPENING_LIMIT
        while not lines or (fresh and len(lines) < number and time.monotonic() < limit):
            batch = [socket.socket() for _ in range(min(BATCH, number - len(lines)))]
            lines += batch
            for line in batch:
                line.setblocking(False)
                line.connect_ex(("127.0.0.1", running.port))
            fresh = _connected_of(batch, patience)
            connected += fresh
        held = _settled(running, patience) - files
        weight = whole_memory(running) - memory
        answered = load.answered(running.port, FAST, patience)
    finally:
        for line in lines:
            line.close()
    return Idle(number, connected, max(held, 0), answered, FAST, max(weight, 0))


def _connected_of(lines: list[socket.socket], seconds: float) -> int:
    """Count the connections that are made within some seconds."""
    limit = time.monotonic() + seconds
    poll = select.poll()
    waiting = {line.fileno(): line for line in lines}
    for number in waiting:
        poll.register(number, select.POLLOUT)
    connected = 0
    while waiting and (left := limit - time.monotonic()) > 0:
        for number, _ in poll.poll(left * 1000):
            connected += waiting.pop(number).getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            poll.unregister(number)
    return connected


def _settled(running: Running, seconds: float) -> int:
    """Count the open files of a server once they are no more than before, or the time is over."""
    limit = time.monotonic() + seconds
    before, now = -1, _open_files(running)
    while now > before and time.monotonic() < limit:
        time.sleep(0.2)
        before, now = now, _open_files(running)
    return now


def _open_files(running: Running) -> int:
    count = 0
    for process in running.processes():
        with contextlib.suppress(psutil.Error):
            count += process.num_fds()
    return count


def allow_files(number: int) -> None:
    """Let this process, and the servers that it starts, open as many files as a number of connections takes.

    Raises:
        FilesError: where more are not allowed.
    """
    wanted = number + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise FilesError(f"{wanted:,} open files are needed, and {hard:,} allowed (ulimit -Hn); raise the limit")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def files_allowed() -> int | None:
    """Say for how many connections files may be opened; None where there is no limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return None if hard == resource.RLIM_INFINITY else max(hard - SPARE_FILES, 0)


# --8<-- [start:malformed]
LONG = 100_000
HOST = b"Host: 127.0.0.1\r\n"
MALFORMED = {
    "a line of 100 kB": b"GET /" + b"a" * LONG + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a header of 100 kB": b"GET / HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * LONG + b"\r\n\r\n",
    "1,000 headers": b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "length and chunks": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\r\n\r\n",
}
# --8<-- [end:malformed]


def malformed(running: Running, patience: float) -> dict[str, str]:
    """Send what no client should send.

    Args:
        running: the server.
        patience: seconds for each answer.

    Returns:
        By the name of what was sent: the status, "closed" where the server hung up, or "silent".
    """
    with ThreadPoolExecutor(1) as pool:
        return dict(pool.map(lambda name: (name, _first_line(running.port, MALFORMED[name], patience)), MALFORMED))


def _first_line(port: int, request: bytes, timeout: float) -> str:
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as line:
            with contextlib.suppress(OSError):
                line.sendall(request)
            while b"\n" not in received and (part := line.recv(4096)):
                received += part
    except TimeoutError:
        return "silent"
    except OSError:
        pass
    words = received.split(maxsplit=2)
    return words[1].decode() if len(words) > 1 and words[0].startswith(b"HTTP/") else "closed"


def memory_of(pid: int) -> int:
    """Give the memory that one process has for itself alone (USS), in bytes; 0 where it is gone."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).memory_full_info().uss
    return 0


def whole_memory(running: Running) -> int:
    """Give the memory of all processes of a server, with a fair part of what they share (PSS), in bytes."""
    whole = 0
    for process in running.processes():
        with contextlib.suppress(psutil.Error):
            whole += process.memory_full_info().pss
    return whole


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.socket() as line:
        line.setblocking(False)
        line.connect_ex(("127.0.0.1", port))
        yield line


@contextmanager
def _in_flight(running: Running, seconds: float) -> Iterator[tuple[int, Callable[[], load.Answer]]]:
    """Send a slow request, and give the process that is at it, and a function that waits for its answer."""
    note = running.folder / "note"
    note.unlink(missing_ok=True)
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(load.ask, running.port, f"/slow?seconds={seconds}&note=note", 30)
        limit = time.monotonic() + 10
        while not (note.exists() and note.read_text()) and not request.done() and time.monotonic() < limit:
            time.sleep(0.005)
        yield int(note.read_text()), request.result


def _runs(running: Running) -> bool:
    return running.process.poll() is None
