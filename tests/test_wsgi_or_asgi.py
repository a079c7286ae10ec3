"""The two tables of the page "WSGI or ASGI": each row is checked with real servers, and with the page's own sites.

Nothing here depends on how fast anything is: the upstream of the page counts who waits for it at the same time, a
stream stays open until the test ends it, and who computes says from when to when.
"""

import base64
import contextlib
import http.client
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from guide import ROOT
from guide.page import parse
from support.sandbox import free_ports
from support.servers import LIMIT, serving
from support.site import once
from support.workshop import Workshop

PAGE = ROOT / "docs/web/wsgi-or-asgi.md"
KINDS = re.compile(r"^\| ([^|]+?) \| (yes|no|a (?:thread|task) each|one by one) \| ([^|]+?) \|$", re.MULTILINE)
WRONG = re.compile(r"^\| (waitress|gunicorn|gunicorn `-k asgi`|uvicorn) \| (\w+) \| ([^|]+?) \|$", re.MULTILINE)
SHOWN = re.compile(r"^(TypeError: .+)$", re.MULTILINE)
THREADS = 2  # of the WSGI server, if not said otherwise
UPSTREAM = 8000  # its port on the page

pytestmark = pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows")

# What the page's two sites do not need, and the checks of its table do.
MORE = {
    "computing": """
import sys, threading, time

both = threading.Barrier(2)  # so that two compute at the same time


def compute():
    sys.setswitchinterval(60)  # so that threads which can only take turns take one each
    both.wait(30)
    begun = time.monotonic()
    for _ in range(2_000_000):
        pass
    ended = time.monotonic()
    sys.setswitchinterval(0.005)
    return {"begun": begun, "ended": ended}
""",
    "more_flask": """
import time
from pathlib import Path

from computing import compute
from flask import Response
from with_flask import app


@app.get("/stream")
def stream():
    def events():
        yield "data: begun\\n\\n"
        while not Path("end").exists():
            time.sleep(0.02)
            yield ": still here\\n\\n"
    return Response(events(), mimetype="text/event-stream")


app.get("/compute")(compute)
""",
    "more_fastapi": """
import asyncio, sys
from pathlib import Path

from computing import compute
from fastapi import WebSocket
from fastapi.responses import StreamingResponse
from with_fastapi import app


@app.get("/stream")
async def stream():
    async def events():
        yield "data: begun\\n\\n"
        while not Path("end").exists():
            await asyncio.sleep(0.02)
            yield ": still here\\n\\n"
    return StreamingResponse(events(), media_type="text/event-stream")


app.get("/compute")(compute)


@app.get("/uvicorn")
def uvicorn():
    return {"imported": "uvicorn" in sys.modules}


@app.websocket("/socket")
async def echo(socket: WebSocket):
    await socket.accept()
    await socket.close()
""",
}
COMMANDS = {
    "waitress": ("waitress-serve", "--threads", "{threads}", "--listen", "127.0.0.1:{port}"),
    "gunicorn": ("gunicorn", "--no-control-socket", "--bind", "127.0.0.1:{port}"),
    "gunicorn `-k asgi`": ("gunicorn", "--no-control-socket", "-k", "asgi", "--bind", "127.0.0.1:{port}"),
    "uvicorn": ("uvicorn", "--port", "{port}"),
}
MODULES = {"Flask": "more_flask:app", "FastAPI": "more_fastapi:app"}


@dataclass
class Place:
    """A folder with the page's files, and the programs that the page installs."""

    folder: Path
    programs: Path
    environment: dict[str, str]
    upstream: int

    @contextmanager
    def serving(self, server: str, application: str, port: int | None = None, threads: int = THREADS) -> Iterator[int]:
        """Run a server until the block ends, and give its port; what it says is in a file of its name."""
        [port] = free_ports(1) if port is None else [port]
        program, *options = (part.format(port=port, threads=threads) for part in COMMANDS[server])
        log = self.log(server)
        command = [self.programs / program, *options, application]
        with serving(command, port, self.folder, self.environment, log):
            yield port

    def queued(self) -> int:
        """Count the requests that waitress had no thread for, as it says itself."""
        log = self.log("waitress")
        return log.read_text("utf-8").count("Task queue depth is") if log.exists() else 0

    def log(self, server: str) -> Path:
        return self.folder / f"{server.replace('`', '').replace(' ', '')}.log"


def install(workshop: Workshop) -> Path:
    """Install what the page installs, and gunicorn, once for all workers; give the folder of programs."""
    packages = ["fastapi", "uvicorn", "flask[async]", "waitress", "httpx", "a2wsgi", "gunicorn"]

    def build(folder: Path) -> None:
        folder.mkdir()
        workshop.venv(folder / "venv", *packages)

    return once(workshop.folder / "wsgi-or-asgi", build) / "venv/bin"


def make_place(folder: Path, workshop: Workshop) -> Place:
    """Write the files of the page, with a free port for the upstream."""
    [upstream] = free_ports(1)
    files = {fence.title: "\n".join([*fence.text, ""]) for fence in parse(PAGE).fences if fence.title}
    files |= {f"{name}.py": text for name, text in MORE.items()}
    for name, text in files.items():
        (folder / name).write_text(text.replace(f":{UPSTREAM}", f":{upstream}"), "utf-8")
    environment = workshop.environment | {"PYTHONPATH": str(folder)}
    return Place(folder, install(workshop), environment, upstream)


@pytest.fixture
def place(tmp_path: Path, workshop: Workshop) -> Place:
    return make_place(tmp_path, workshop)


def ask(port: int, path: str) -> tuple[int, bytes]:
    """Give the status and the body of an answer."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as line:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read()


def at_once(port: int, path: str, visitors: int) -> list[bytes]:
    """Let visitors ask at the same time, and give what they get."""
    with ThreadPoolExecutor(visitors) as threads:
        found = list(threads.map(lambda _: ask(port, path), range(visitors)))
    assert {status for status, _ in found} == {200}
    return [body for _, body in found]


def answers(place: Place, port: int) -> str:
    """Ask for something, and nothing special."""
    status, body = ask(port, "/quick")
    return "yes" if (status, b"quick" in body) == (200, True) else f"{status}"


def waits(place: Place, port: int) -> str:
    """Count how many of twice as many visitors as there are threads wait for the upstream at the same time."""
    with place.serving("uvicorn", "upstream:app", place.upstream):
        at_once(port, "/", 2 * THREADS)
        rounds = json.loads(ask(place.upstream, "/rounds")[1])
    return {(THREADS, THREADS): "a thread each", (2 * THREADS,): "a task each"}.get(tuple(rounds), f"{rounds}")


def streams(place: Place, port: int) -> str:
    """Open as many streams as there are threads, and see whether something quick is answered before they end."""
    with contextlib.ExitStack() as opened:
        for _ in range(THREADS):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
            opened.callback(line.close)
            line.request("GET", "/stream")
            answer = line.getresponse()
            opened.callback(answer.close)  # which holds the connection
            assert answer.read1() == b"data: begun\n\n"
        queued = place.queued()
        with ThreadPoolExecutor(1) as thread:
            quick = thread.submit(ask, port, "/quick")
            end = time.monotonic() + LIMIT
            while not quick.done() and place.queued() == queued and time.monotonic() < end:
                time.sleep(0.02)
            found = "a task each" if quick.done() else "a thread each"
            (place.folder / "end").touch()  # which ends the streams
            assert quick.result(LIMIT)[0] == 200
    return found


def sockets(place: Place, port: int) -> str:
    """Ask for a WebSocket (RFC 6455, section 4.1)."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    head = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as line:
        line.request("GET", "/socket", headers=head)
        status = line.getresponse().status
    return {101: "yes", 404: "no"}.get(status, f"{status}")


def computes(place: Place, port: int) -> str:
    """Let two compute, and see whether the second begins before the first is done."""
    times = [json.loads(body) for body in at_once(port, "/compute", 2)]
    first, second = sorted(times, key=lambda time: time["begun"])
    return "one by one" if first["ended"] <= second["begun"] else "both at once"


CHECKS: dict[str, Callable[[Place, int], str]] = {
    "pages and JSON": answers,
    "answers of slow upstreams": waits,
    "event streams, long polling": streams,
    "WebSockets": sockets,
    "results of computing": computes,
}


def table(pattern: re.Pattern) -> list[tuple[str, str, str]]:
    return pattern.findall(PAGE.read_text("utf-8"))


def test_both_tables_are_read_whole() -> None:
    assert [what for what, *_ in table(KINDS)] == list(CHECKS)
    assert [server for server, *_ in table(WRONG)] == list(COMMANDS)
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert len(rows) == len(table(KINDS)) + len(table(WRONG)) + 2 * 2  # each table has a head and a line under it


def test_what_wsgi_does_with_each_kind(place: Place) -> None:
    """All rows in one test: they share the servers, which take longest."""
    with place.serving("waitress", MODULES["Flask"]) as port:
        assert {what: check(place, port) for what, check in CHECKS.items()} == {
            what: wsgi for what, wsgi, _ in table(KINDS)
        }


def test_what_asgi_does_with_each_kind(place: Place) -> None:
    """gunicorn speaks ASGI without uvicorn, as the page says."""
    with place.serving("gunicorn `-k asgi`", MODULES["FastAPI"]) as port:
        assert json.loads(ask(port, "/uvicorn")[1]) == {"imported": False}
        assert {what: check(place, port) for what, check in CHECKS.items()} == {
            what: asgi for what, _, asgi in table(KINDS)
        }


@pytest.mark.parametrize(("server", "framework", "said"), table(WRONG), ids=lambda cell: cell.replace("`", ""))
def test_the_wrong_kind_of_server_answers_500(place: Place, server: str, framework: str, said: str) -> None:
    with place.serving(server, MODULES[framework]) as port:
        assert ask(port, "/quick")[0] == 500
    faults = [line for line in place.log(server).read_text("utf-8").splitlines() if line.startswith("TypeError: ")]
    assert len(set(faults)) == 1
    assert said in faults[0]
    if server != "uvicorn":  # whose text the page has in its table only
        assert faults[0] in SHOWN.findall(PAGE.read_text("utf-8"))
