"""A PostgreSQL server of the tests' own: made in a folder, killed and started again as they like, gone in the end."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from support import system
from support.servers import ordinary_user

LIMIT = 60.0  # seconds for the server to start or to end, and for one program
ATTEMPTS = 10  # ports tried; another program may take one between the look and the start
# Ports that no outgoing connection takes by itself (Linux begins at 32768): a server that is down gets its own again.
PORTS = range(15000, 32000)
LINES = 30  # of the log, in a message
TAKEN = "Address already in use"
GONE = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
AT_REST = GONE | {psutil.STATUS_STOPPED}
OWNER, USER = "guide", "reader"  # who may do everything, and whom the addresses name
ADDRESS = "127.0.0.1"
SETTINGS = {
    "fsync": "on",  # what was acknowledged is there after a kill
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "max_wal_size": "64MB",
    "dynamic_shared_memory_type": "mmap",  # nothing stays outside the folder
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "unix_socket_permissions": "0700",
}


class PostgresError(RuntimeError):
    """The server does not do what it is asked; the message holds what it logged last."""


class Cluster:
    """A server with its data, its log and its socket in folders of its own."""

    def __init__(self, programs: Path, folder: Path, sockets: Path) -> None:
        """Make the data.

        Args:
            programs: the folder of `initdb` and `postgres`.
            folder: where the data and the log are to be; it is there and empty.
            sockets: where the server's socket is to be: a short path, since the system bounds it.
        """
        self.programs, self.sockets = programs, sockets
        self.data, self.log = folder / "data", folder / "server.log"
        self.port = 0
        self._password = secrets.token_hex(16)
        self._process: subprocess.Popen | None = None
        self.log.touch()
        password = folder / "password"
        password.write_text(self._password, "utf-8")
        rules = ["--auth=scram-sha-256", f"--pwfile={password}", f"--username={OWNER}"]
        self._run("initdb", f"--pgdata={self.data}", "--encoding=UTF8", "--locale=C", "--no-sync", *rules)
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())

    def start(self) -> None:
        """Start the server and wait until it takes connections; after the first time, on the same port."""
        assert self._process is None, "the server runs already"
        again = self.port != 0
        for _ in range(ATTEMPTS):
            self.port = self.port if again else free_port()
            if self._started():
                break
        else:
            raise PostgresError(f"no free port in {ATTEMPTS} attempts{self.said()}")
        if not again:
            self.query("postgres", f"CREATE ROLE {USER} LOGIN PASSWORD '{self._password}'")

    def stop(self) -> None:
        """Let the server end by itself, its clients cut off; where it does not, end it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise PostgresError(f"the server did not end in {LIMIT:g} s{self.said()}") from None
        self._process = None

    def kill(self) -> None:
        """End all its processes at once: nothing more is written, and no client is told."""
        assert self._process is not None, "the server does not run"
        processes = self._processes()
        for process in reversed(processes):  # without the first, the others would say goodbye to their clients
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(LIMIT)
        self._process = None
        self._wait(lambda: all(_status(process) in GONE for process in processes), "it is there after a kill")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let no process of the server run while the block does: connections stay open, and nobody answers."""
        processes = self._processes()
        try:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
            self._wait(lambda: all(_status(process) in AT_REST for process in processes), "it does not stop")
            yield
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def running(self) -> bool:
        """Tell whether the server was started and neither stopped nor killed."""
        return self._process is not None

    def url(self, database: str) -> str:
        """Give the address of a database, as platforms write it, of a user who owns it and nothing else."""
        return f"postgresql://{USER}:{self._password}@{ADDRESS}:{self.port}/{database}"

    def database(self, name: str) -> str:
        """Make an empty database, anew where there is one of that name, and give its address."""
        self.query("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.query("postgres", f'CREATE DATABASE "{name}" OWNER {USER} TEMPLATE template0')
        return self.url(name)

    def query(self, database: str, statement: str) -> list[str]:
        """Run a statement as the one who may do everything; give the rows, with `|` between columns."""
        plain = ["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set=ON_ERROR_STOP=1"]
        place = [f"--host={self.sockets}", f"--port={self.port}", f"--username={OWNER}", f"--dbname={database}"]
        return self._run("psql", *plain, *place, f"--command={statement}").splitlines()

    def said(self, since: int = 0) -> str:
        """Give the last lines of the log, of those after so many bytes, for a message."""
        lines = self.log.read_bytes()[since:].decode("utf-8", "replace").splitlines()
        return "\n".join(["", "--- log of PostgreSQL", *lines[-LINES:]])

    def _started(self) -> bool:
        """Start it; tell whether it runs, or another program has its port."""
        before = self.log.stat().st_size
        place = ["-D", self.data, "-k", self.sockets, "-h", ADDRESS, "-p", str(self.port)]
        with self.log.open("ab") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            process = subprocess.Popen(
                [*ordinary_user(), self.programs / "postgres", *place],
                env=self._environment(),
                start_new_session=True,  # Ctrl-C ends the tests, and they end the server
                **streams,
            )
        end = time.monotonic() + LIMIT
        while not _ready(self.data, process.pid):
            if process.poll() is not None:
                if TAKEN in self.said(before):
                    return False
                raise PostgresError(f"the server ended with {process.returncode}{self.said()}")
            if time.monotonic() > end:
                process.kill()
                process.wait()
                raise PostgresError(f"the server did not start in {LIMIT:g} s{self.said()}")
            time.sleep(0.01)
        self._process = process
        return True

    def _processes(self) -> list[psutil.Process]:
        """List its processes: the first one, which is stopped so that it starts no more, and all that it started."""
        first = psutil.Process(self._process.pid)
        first.suspend()
        self._wait(lambda: _status(first) in AT_REST, "it does not stop")
        return [first, *first.children(recursive=True)]

    def _wait(self, until: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + LIMIT
        while not until():
            if time.monotonic() > end:
                raise PostgresError(f"{otherwise}, after {LIMIT:g} s{self.said()}")
            time.sleep(0.01)

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.data.parent)}

    def _run(self, program: str, *arguments: str) -> str:
        """Run one of the programs to its end, and give what it printed."""
        command = [*ordinary_user(), str(self.programs / program), *arguments]
        environment = self._environment() | {"PGPASSWORD": self._password, "PGCONNECT_TIMEOUT": "10"}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        done = subprocess.run(command, env=environment, text=True, timeout=LIMIT, **pipes)
        if done.returncode:
            raise PostgresError(f"{program} ended with {done.returncode}: {done.stderr}{self.said()}")
        return done.stdout


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Make and start a server in an empty folder, and stop it in the end; skip or fail where there is none."""
    programs = system.postgresql()
    if programs is None or sys.platform == "win32":
        system.missing(system.PROGRAMS["postgresql"][1])
    sockets = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = Cluster(programs, folder, sockets)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(sockets)


def free_port() -> int:
    """Give a port of the loopback that nothing listens on, and that no outgoing connection takes by itself."""
    for _ in range(1000):
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((ADDRESS, port))
            return port
    raise PostgresError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free")


def _status(process: psutil.Process) -> str:
    """Tell what a process does; one that is gone is as good as one whose end its parent has not yet noticed."""
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE


def _ready(data: Path, pid: int) -> bool:
    """Tell whether the process with that id takes connections, from the file that it keeps for its own tools."""
    try:
        lines = (data / "postmaster.pid").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
