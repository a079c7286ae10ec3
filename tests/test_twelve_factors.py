"""The table of the page "Twelve factors": each checked row holds for settings-app, and fails for one that breaks it.

The table is read from the page. A check runs real processes of the example; then it runs those of a copy with a
patch that does what the row says, and must fail for that reason.
"""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from guide import ROOT
from support.sandbox import free_ports

PAGE = ROOT / "docs/configuration/twelve-factors.md"
EXAMPLE = ROOT / "examples/settings-app"
ROW = re.compile(r"^\| \[[^\]]+\]\(https://12factor\.net/([a-z-]+)\) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
FACTORS = (
    "codebase dependencies config backing-services build-release-run processes"
    " port-binding concurrency disposability dev-prod-parity logs admin-processes"
).split()
UNCHECKED = ["codebase", "dev-prod-parity"]
TOKEN = "a-token-of-the-tests"
STARTING = 20  # seconds for a server to listen, or to end
STOPPING = 3  # seconds for a server that is asked to end
STOP_SECONDS = "0.5"  # what it may take for the requests that have begun

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes with the signals that servers get on Linux")


class Broken(Exception):
    """What a check found."""


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


class App:
    """One build of the code, deployed as often as a check likes."""

    def __init__(self, code: Path, folder: Path) -> None:
        """Take the folder of the import package, and one for what deployments write."""
        self.code, self.folder = code, folder
        self.out = folder / "out"
        self.out.mkdir()

    def environment(self, cwd: Path, **settings: str) -> dict[str, str]:
        mine = {"API_TOKEN": TOKEN, "DATABASE_URL": f"sqlite:///{cwd / 'notes.db'}", "STOP_SECONDS": STOP_SECONDS}
        named = {f"SETTINGS_APP_{name}": value for name, value in (mine | settings).items()}
        python = {"PYTHONPATH": str(self.code), "PYTHONDONTWRITEBYTECODE": "1"}
        return {"HOME": str(cwd), "PATH": os.defpath, "LC_ALL": "C.UTF-8", **python, **named}

    def place(self, name: str = "here") -> Path:
        """Give a folder that a deployment runs in."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        return place

    def run(self, command: str, cwd: Path, **settings: str) -> int:
        """Run a command to its end, and give its exit status."""
        typed = [sys.executable, "-m", "settings_app", command]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.run(
            typed, cwd=cwd, env=self.environment(cwd, **settings), timeout=STARTING, **quiet
        ).returncode

    @contextmanager
    def serving(self, cwd: Path, **settings: str) -> Iterator["Server"]:
        """Run the server until the block ends; it listens then, or has ended, or listens elsewhere."""
        [port] = free_ports(1)
        environment = self.environment(cwd, PORT=str(port), **settings)
        out, err = self.out / f"{port}.out", self.out / f"{port}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "settings_app", "serve"],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,  # a group of its own, that holds what it may leave behind
            )
        server = Server(process, port, out, err)
        try:
            end = time.monotonic() + STARTING
            while not server.listens() and process.poll() is None and "listening" not in server.said():
                assert time.monotonic() < end, "it neither listens nor ends"
                time.sleep(0.02)
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(STARTING)


@dataclass
class Server:
    """A process that serves."""

    process: subprocess.Popen
    port: int
    out: Path
    err: Path

    def said(self) -> str:
        return self.out.read_text("utf-8")

    def listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True

    def ask(self, method: str = "GET", note: str | None = None, token: str = TOKEN) -> tuple[int, str]:
        """Give the status and the text of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STARTING)
        try:
            connection.request(method, "/", note, {"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionRefusedError:
            raise Broken(f"nothing listens on its port: {self.err.read_text('utf-8')}") from None
        finally:
            connection.close()

    def add(self, note: str) -> None:
        assert self.ask("POST", note) == (201, f"{note}\n")

    def begin(self, size: int) -> socket.socket:
        """Send the head of a request whose body is to have a number of bytes, and wait until it is taken up."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=STARTING)
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode())
        self.ask()  # connections are taken up in their order
        return connection

    def ended(self, otherwise: str) -> None:
        try:
            status = self.process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            raise Broken(otherwise) from None
        expect(status == 0, f"it ended with status {status}")


# The checks, by the factor's name in its address


def dependencies(app: App) -> None:
    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"].get("dependencies", [])
    assert declared == [], "let the check install them"
    modules = sorted(f"settings_app.{path.stem}" for path in (app.code / "settings_app").glob("[!_]*.py"))
    # -I -S: the standard library, and nothing of site-packages
    load = "import importlib, sys; sys.path.append(sys.argv[1]); list(map(importlib.import_module, sys.argv[2:]))"
    command = [sys.executable, "-I", "-S", "-B", "-c", load, app.code, *modules, "settings_app.__main__"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STARTING)
    expect(done.returncode == 0, f"undeclared: {done.stderr}")


def config(app: App) -> None:
    here = app.place()
    app.run("init-db", here)
    for token in ("a-token-of-deployment-one", "a-token-of-deployment-two"):
        with app.serving(here, API_TOKEN=token) as server:
            expect(server.ask("POST", "x", token)[0] == 201, "a deployment does not take its token")
            expect(server.ask("POST", "x", "a-token-in-the-code")[0] == 401, "it takes another token")


def backing_services(app: App) -> None:
    here = app.place()
    one, two = ({"DATABASE_URL": f"sqlite:///{here / name}"} for name in ("one.db", "two.db"))
    app.run("init-db", here, **one)
    app.run("init-db", here, **two)
    with app.serving(here, **one) as server:
        server.add("in one")
    with app.serving(here, **two) as server:
        expect(server.ask() == (200, ""), "another URL, and the same notes")
    with app.serving(here, **one) as server:
        expect(server.ask() == (200, "in one\n"), "the database is attached again, and the note is gone")


def build_release_run(app: App) -> None:
    here = app.place()
    before = {path: path.read_bytes() for path in app.code.rglob("*") if path.is_file()}
    app.run("init-db", here)
    with app.serving(here) as server:
        server.add("x")
        server.process.terminate()
        server.ended("it does not end")
    after = {path: path.read_bytes() for path in app.code.rglob("*") if path.is_file()}
    expect(before == after, "running it changed the code")


def processes(app: App) -> None:
    here = app.place()
    app.run("init-db", here)
    with app.serving(here) as one, app.serving(here) as two:
        assert one.ask() == (200, "")
        two.add("through two")
        expect(one.ask() == (200, "through two\n"), "a process does not know what another took in")
    with app.serving(here) as three:
        expect(three.ask() == (200, "through two\n"), "the note ended with its process")


def port_binding(app: App) -> None:
    here = app.place()
    app.run("init-db", here)
    with app.serving(here) as server:
        expect(server.ask() == (200, ""), "no answer")


def concurrency(app: App) -> None:
    here = app.place()
    app.run("init-db", here)
    with app.serving(here) as one, app.serving(here) as two:
        for server in (one, two):
            expect(server.ask() == (200, ""), "no answer")
            expect(server.process.poll() is None, "it went into the background")


def disposability(app: App) -> None:
    here = app.place()
    app.run("init-db", here)
    with app.serving(here, STOP_SECONDS="30") as server, closing(server.begin(size=4)) as connection:
        server.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(0.5)
        connection.sendall(b"last")
        try:
            answered = connection.recv(100).startswith(b"HTTP/1.0 201 ")
        except ConnectionResetError:
            answered = False
        expect(answered, "the request that had begun has no answer")
        server.ended("SIGTERM does not end it")
    with app.serving(here) as server, closing(server.begin(size=4)):
        server.process.terminate()
        server.ended("a request that hangs holds it up")


def logs(app: App) -> None:
    here = app.place()
    app.run("init-db", here)
    with app.serving(here) as server:
        server.ask()
        end = time.monotonic() + 2
        while '"GET / HTTP/1.1" 200' not in server.said() and time.monotonic() < end:
            time.sleep(0.02)
        expect('"GET / HTTP/1.1" 200' in server.said(), "the request is not in its standard output")
        expect([path.name for path in here.iterdir()] == ["notes.db"], "it writes files of its own")


def admin_processes(app: App) -> None:
    here = app.place()
    url = f"sqlite:///{here / 'another.db'}"
    expect(app.run("init-db", here, PORT="eighty") == 2, "the command does not read the settings")
    assert app.run("init-db", here, DATABASE_URL=url) == 0
    with app.serving(here, DATABASE_URL=url) as server:
        expect(server.ask() == (200, ""), "no answer")


CHECKS: dict[str, Callable[[App], None]] = {
    check.__name__.replace("_", "-"): check
    for check in (
        dependencies,
        config,
        backing_services,
        build_release_run,
        processes,
        port_binding,
        concurrency,
        disposability,
        logs,
        admin_processes,
    )
}


@dataclass(frozen=True)
class Violation:
    """An app that breaks a factor: what it does, in the words of the page if the page says it, and how."""

    factor: str
    words: str
    file: str
    patch: dict[str, str]
    found: str  # what the check says of it


VIOLATIONS = [
    Violation(
        "dependencies",
        "a module imports what is not declared",
        "app.py",
        {"import hmac": "import hmac\nimport pytest"},
        "undeclared: .*No module named 'pytest'",
    ),
    Violation(
        "config",
        "the token is in the code",
        "app.py",
        {"settings.api_token.reveal()": "'a-token-in-the-code'"},
        "a deployment does not take its token",
    ),
    Violation(
        "config",
        "a second token is in the code",
        "app.py",
        {"    if not hmac.": "    if sent != b'Bearer a-token-in-the-code' and not hmac."},
        "it takes another token",
    ),
    Violation(
        "backing-services",
        "the path of the database is in the code",
        "app.py",
        {'url.reveal().removeprefix("sqlite:///")': '"notes.db"'},
        "another URL, and the same notes",
    ),
    Violation(
        "build-release-run",
        "the program writes beside its code",
        "server.py",
        {"    server.server_close()\n": "    server.server_close()\n    open(__file__ + '.stopped', 'w').close()\n"},
        "running it changed the code",
    ),
    Violation(
        "processes",
        "the notes are kept in a list",
        "app.py",
        {
            "LONGEST = 1000": "KEPT = []\nLONGEST = 1000",
            'database.execute("INSERT INTO note VALUES (?)", [note])': "KEPT.append(note)",
            'return [text for (text,) in database.execute("SELECT text FROM note ORDER BY rowid")]': "return KEPT",
        },
        "a process does not know what another took in",
    ),
    Violation(
        "processes",
        "the notes are cached",
        "app.py",
        {"def notes(": "@__import__('functools').cache\ndef notes("},
        "a process does not know what another took in",
    ),
    Violation(
        "port-binding",
        "the port is in the code",
        "server.py",
        {"settings.port": "0"},
        "nothing listens on its port",
    ),
    Violation(
        "concurrency",
        "a lock file keeps the second one out",
        "server.py",
        {"    notes(settings)": "    open('serving.lock', 'x').close()\n    notes(settings)"},
        "nothing listens on its port: .*File exists",
    ),
    Violation(
        "concurrency",
        "it goes into the background",
        "server.py",
        {"    server.set_app": "    import os\n    if os.fork():\n        os._exit(0)\n    server.set_app"},
        "it went into the background",
    ),
    Violation(
        "disposability",
        "SIGTERM is ignored",
        "server.py",
        {"lambda *_: Thread(target=server.shutdown).start()": "signal.SIG_IGN"},
        "SIGTERM does not end it",
    ),
    Violation(
        "disposability",
        "requests are cut off",
        "server.py",
        {"server.finish(time.monotonic() + settings.stop_seconds)": "0"},
        "the request that had begun has no answer",
    ),
    Violation(
        "disposability",
        "the end has no bound",
        "server.py",
        {"thread.join(max(0, end - time.monotonic()))": "thread.join()"},
        "a request that hangs holds it up",
    ),
    Violation(
        "logs",
        "lines go to a file",
        "__main__.py",
        {"stream=sys.stdout": "filename='notes.log'"},
        "the request is not in its standard output",
    ),
    Violation(
        "logs",
        "lines go to a file as well",
        "server.py",
        {"    notes(settings)": "    log.addHandler(logging.FileHandler('notes.log'))\n    notes(settings)"},
        "it writes files of its own",
    ),
    Violation(
        "admin-processes",
        "`init-db` has settings of its own",
        "app.py",
        {"connect(settings.database_url, create=True)": "connect(Secret('sqlite:///notes.db'), create=True)"},
        "nothing listens on its port: .*unable to open",
    ),
    Violation(
        "admin-processes",
        "wrong settings do not stop `init-db`",
        "__main__.py",
        {"return 2": "return 0"},
        "the command does not read the settings",
    ),
]


def rows() -> list[tuple[str, str]]:
    """Give the factors of the table, each with the cell that says when its check fails."""
    return ROW.findall(PAGE.read_text("utf-8"))


def checked() -> list[tuple[str, str]]:
    return [(factor, cell) for factor, cell in rows() if not cell.startswith("not checked: ")]


def broken(violation: Violation, folder: Path) -> Path:
    """Copy the code, with a patch."""
    code = folder / "code"
    shutil.copytree(EXAMPLE / "src/settings_app", code / "settings_app", ignore=shutil.ignore_patterns("__pycache__"))
    file = code / "settings_app" / violation.file
    text = file.read_text("utf-8")
    for old, new in violation.patch.items():
        assert text.count(old) == 1, f"{violation.file} has {old!r} {text.count(old)} times"
        text = text.replace(old, new)
    file.write_text(text, "utf-8")
    return code


def test_the_table_has_the_twelve_factors() -> None:
    assert [factor for factor, _ in rows()] == FACTORS
    assert [factor for factor, cell in rows() if cell.startswith("not checked: ")] == UNCHECKED


@pytest.mark.parametrize(("factor", "fails_when"), checked())
def test_the_app_holds_the_factor(factor: str, fails_when: str, tmp_path: Path) -> None:
    assert fails_when in [violation.words for violation in VIOLATIONS if violation.factor == factor]
    CHECKS[factor](App(EXAMPLE / "src", tmp_path))


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda violation: f"{violation.factor}: {violation.words}")
def test_an_app_that_breaks_the_factor_fails_its_check(violation: Violation, tmp_path: Path) -> None:
    app = App(broken(violation, tmp_path), tmp_path)
    assert app.run("check", app.place()) == 0, "the patch broke more than it was to break"
    with pytest.raises(Broken, match=re.compile(violation.found, re.DOTALL)):
        CHECKS[violation.factor](app)
