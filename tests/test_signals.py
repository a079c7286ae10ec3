"""The tables of the page about signals: each row is done to a real server, with a request under way.

The tables are read from the page. The request begins, waits for the test, and is let go once the server has had the
signal, so nothing here depends on how long anything takes.
"""

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import psutil
import pytest
from guide import ROOT
from support import system
from support.sandbox import free_ports
from support.servers import LIMIT, wait_for
from support.site import once
from support.waiting import until
from support.workshop import Workshop

PAGE = ROOT / "docs/deployment/signals-timeouts-reload.md"
PART = re.compile(r"^### (gunicorn|uWSGI|waitress|granian)(?:, with `(--[a-z]+)`)?\n\n((?:\|.*\n)+)", re.MULTILINE)
NAME = re.compile(r"SIG[A-Z0-9]+")
STILL = 1.0  # seconds in which a server would have cut the request off, or have ended
APP = """
import os, time
from pathlib import Path

VERSION = "one"
Path(f"loaded-by-{os.getpid()}").touch()


def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        Path("begun").touch()
        until = time.monotonic() + 60
        while not Path("end").exists() and time.monotonic() < until:
            time.sleep(0.02)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(VERSION)))])
    return [VERSION.encode()]
"""
GUNICORN = ["gunicorn", "--no-control-socket", "--workers=2", "--access-logfile=access.log"]
# How each server is started, with two workers where it has workers.
SERVERS: dict[str, Callable[[int], list[str]]] = {
    "gunicorn": lambda port: [*GUNICORN, f"--bind=127.0.0.1:{port}", "app"],
    "uWSGI": lambda port: ["uwsgi", "--processes=2", f"--http-socket=127.0.0.1:{port}", "--module=app"],
    "waitress": lambda port: ["waitress-serve", f"--listen=127.0.0.1:{port}", "app:application"],
    "granian": lambda port: [
        *["granian", "--interface=wsgi", "--workers=2", "--host=127.0.0.1", f"--port={port}", "app:application"]
    ],
}
IMPORTS = {"gunicorn": 2, "granian": 2}  # one for each worker; the others import the code once
HOOK = "--hook-master-start=unix_signal:15 gracefully_kill_them_all"
WITH = {
    "": [],
    "with `--die-on-term`": ["--die-on-term"],
    "with a hook": [HOOK],
}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@dataclass(frozen=True)
class Row:
    """What a row of the page says of a signal."""

    server: str
    options: list[str]
    sent: str
    request: str
    outcome: str


def rows() -> list[Row]:
    found = []
    for server, option, table in PART.findall(PAGE.read_text("utf-8")):
        for line in table.splitlines()[2:]:
            signals, request, outcome = (cell.strip() for cell in line.strip("|").split("|"))
            _, _, extra = signals.partition(", with") if ", with" in signals else (signals, "", "")
            options = [*([option] if option else []), *WITH[f"with{extra}" if extra else ""]]
            found += [Row(server, options, sent, request, outcome) for sent in NAME.findall(signals)]
    return found


@dataclass
class Server:
    """A server that runs in a folder of its own."""

    process: subprocess.Popen
    port: int
    folder: Path
    answers: list[str] = field(default_factory=list)

    def ask(self, path: str = "/") -> str:
        """Give the text of an answer, its status if that is not 200, or what happened instead."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
            return text if answer.status == 200 else str(answer.status)
        except (http.client.RemoteDisconnected, ConnectionError):
            return "cut off"
        finally:
            connection.close()

    def begin(self) -> Thread:
        """Start the request that waits, and give the thread in which it does."""
        asking = Thread(target=lambda: self.answers.append(self.ask("/slow")))
        asking.start()
        until((self.folder / "begun").exists, LIMIT, "it does not begin")
        return asking

    def workers(self) -> int:
        return len(psutil.Process(self.process.pid).children())

    def runs(self) -> bool:
        return self.process.poll() is None


@pytest.fixture(scope="session")
def programs(workshop: Workshop) -> Path:
    """The folder with the programs of the servers."""
    uwsgi = [] if system.lacking(["pyuwsgi"]) else ["pyuwsgi"]

    def install(folder: Path) -> None:
        folder.mkdir()
        workshop.venv(folder / "venv", "gunicorn", "waitress", "granian", *uwsgi)

    return once(workshop.folder / "signals", install) / "venv/bin"


def heed() -> None:
    """Let a server heed what a shell makes the programs in its background ignore."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def serving(row: Row, programs: Path, folder: Path) -> Iterator[Server]:
    if row.server == "uWSGI" and (reasons := system.lacking(["pyuwsgi"])):
        system.missing(reasons[0])
    [port] = free_ports(1)
    (folder / "app.py").write_text(APP)
    program, *arguments = SERVERS[row.server](port)
    [packages] = programs.parent.glob("lib/python*/site-packages")
    # uWSGI from a wheel begins anew as the Python of the machine, and needs to be told of the environment
    told = {"PYTHONPATH": str(packages)} if row.server == "uWSGI" else {}
    environment = {"HOME": str(folder), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", **told}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [programs / program, *row.options, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=heed,
            start_new_session=True,  # a group of its own, that holds what it may leave behind
        )
    try:
        wait_for(process, port, LIMIT, folder / "server.log")
        server = Server(process, port, folder)
        assert server.ask() == "one"
        until(
            lambda: len(list(folder.glob("loaded-by-*"))) == IMPORTS.get(row.server, 1),
            LIMIT,
            "not every worker has the code",
        )
        if row.server == "uWSGI" and sys.platform == "linux":
            until(lambda: heeds(process.pid), LIMIT, "not every worker heeds signals")
        yield server
    finally:
        (folder / "end").touch()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT)


def heeds(master: int) -> bool:
    """Tell whether both workers of uWSGI catch the same signals: one that begins misses them."""
    states = [Path(f"/proc/{worker.pid}/status").read_text("utf-8") for worker in psutil.Process(master).children()]
    return len(states) == 2 and len({re.search(r"^SigCgt:\s+(\w+)$", state, re.MULTILINE)[1] for state in states}) == 1


def second(server: Server) -> bool:
    return any(child.children() for child in psutil.Process(server.process.pid).children())


def logs(server: Server) -> bool:
    return server.ask() == "one" and (server.folder / "access.log").exists()


# What becomes of a server that goes on, by the words of the page: each with what is true of it a while later.
GOES_ON: dict[str, Callable[[Server, int], bool]] = {
    "reloads": lambda server, before: server.ask() == "two",
    "opens its logs anew": lambda server, before: logs(server),
    "starts a second one": lambda server, before: second(server),
    "one worker more": lambda server, before: server.workers() == before + 1 and not second(server),
    "one worker fewer": lambda server, before: server.workers() == before - 1,
}


def check(row: Row, server: Server, before: int) -> None:
    """Check what became of a server, once its last request is over."""
    if row.outcome in GOES_ON:
        until(lambda: not server.runs() or GOES_ON[row.outcome](server, before), LIMIT, f"never: {row.outcome}")
        assert server.process.poll() is None
        return
    status = server.process.wait(LIMIT)
    killed = status == -getattr(signal, row.sent)
    words = {"killed"} if killed else {f"ends with {status}", "ends"}
    assert row.outcome in words, f"exit status {status}"


@pytest.mark.parametrize(
    "row", rows(), ids=lambda row: "-".join([row.server, row.sent, *row.options]).replace(" ", "_")
)
def test_a_signal_does_what_the_page_says(row: Row, programs: Path, tmp_path: Path) -> None:
    with serving(row, programs, tmp_path) as server:
        asking = server.begin()
        before = server.workers()
        (tmp_path / "app.py").write_text(APP.replace('"one"', '"two"'))
        with suppress(FileNotFoundError):
            (tmp_path / "access.log").rename(tmp_path / "access.log.1")
        server.process.send_signal(getattr(signal, row.sent))
        asking.join(STILL)
        (tmp_path / "end").touch()
        asking.join(LIMIT)
        [answer] = server.answers
        assert ("answered" if answer == "one" else answer) == row.request
        check(row, server, before)


@pytest.mark.full
def test_nothing_in_uwsgi_limits_a_stop_by_the_hook(programs: Path, tmp_path: Path) -> None:
    limits = ["--worker-reload-mercy=2", "--harakiri=4"]
    with serving(Row("uWSGI", ["--master", HOOK, *limits], "SIGTERM", "", ""), programs, tmp_path) as server:
        asking = server.begin()
        server.process.terminate()
        asking.join(8)
        assert server.runs()
        assert server.answers == []
        (tmp_path / "end").touch()
        assert server.process.wait(LIMIT) == 0
        asking.join(LIMIT)
        assert server.answers == ["one"]


def test_the_tables_have_every_server_and_every_signal() -> None:
    assert {row.server for row in rows()} == set(SERVERS)
    known = "SIGTERM SIGINT SIGHUP SIGQUIT SIGUSR1 SIGUSR2"
    assert {row.sent for row in rows() if row.server == "waitress"} == set(known.split())
    assert {row.sent for row in rows() if row.server == "gunicorn"} == {*known.split(), "SIGTTIN", "SIGTTOU"}
