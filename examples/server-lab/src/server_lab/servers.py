"""Which servers there are, and how each is started, reloaded and stopped."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from server_lab import apps, load

PROCESSES, THREADS = 2, 4  # of each server that has a choice
MODULE = "lab_app"  # what a server imports: the lab's copy of an application
START_LIMIT = 20  # seconds until a server answers
WORKERS_LIMIT = 3  # seconds until all of its workers answer
STOP_LIMIT = 10  # seconds until it is killed
APACHE_MODULES = Path("/usr/lib/apache2/modules")  # where Debian and Ubuntu keep them


class ServerError(RuntimeError):
    """A server cannot be started; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Server:
    """One server program in one mode.

    Attributes:
        name: on the command line and in results.
        title: in tables.
        command: gives the command, from the folder with the application and a port.
        processes: that answer requests.
        threads: of each of these; 0 where one thread answers as many as come.
        reload: "HUP", "touch" (the file of the application), or "" where there is none without a stop.
        lacks: says what is missing for it, or nothing.
    """

    name: str
    title: str
    command: Callable[[Path, int], list[str]]
    processes: int
    threads: int
    reload: str
    lacks: Callable[[], str]


def _needs(module: str) -> Callable[[], str]:
    return lambda: "" if find_spec(module) else f"the module {module} is not installed for this Python"


# --8<-- [start:commands]
def _gunicorn(*options: str) -> Callable[[Path, int], list[str]]:
    base = [sys.executable, "-m", "gunicorn", f"{MODULE}:app", "--no-control-socket", f"--workers={PROCESSES}"]
    return lambda folder, port: [*base, f"--bind=127.0.0.1:{port}", *options]


def _uwsgi(folder: Path, port: int) -> list[str]:
    program = Path(sysconfig.get_path("scripts"), "uwsgi")
    options = f"--master --die-on-term --need-app --disable-logging --processes={PROCESSES}"
    # A reload starts the program anew: without this, the Python that the environment was made from, which lacks it.
    again = f"--binary-path={sys.executable}"
    return [str(program), f"--http11-socket=127.0.0.1:{port}", f"--module={MODULE}:app", again, *options.split()]


def _waitress(folder: Path, port: int) -> list[str]:
    options = [f"--listen=127.0.0.1:{port}", f"--threads={PROCESSES * THREADS}"]
    return [sys.executable, "-m", "waitress", *options, f"{MODULE}:app"]


def _granian(folder: Path, port: int) -> list[str]:
    options = f"--interface=wsgi --port={port} --workers={PROCESSES} --blocking-threads={THREADS}"
    return [sys.executable, "-m", "granian", *options.split(), f"{MODULE}:app"]


def _development(which: str) -> Callable[[Path, int], list[str]]:
    module = [sys.executable, "-m", "server_lab.apps.development", which, MODULE]
    return lambda folder, port: [*module, str(port)]


# --8<-- [end:commands]
APACHE = """\
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/httpd.pid
ErrorLog {folder}/server.log
Mutex file:{folder}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
WSGISocketPrefix {folder}/wsgi
WSGIDaemonProcess lab processes={processes} threads={threads} python-path={folder}:{packages}
WSGIProcessGroup lab
WSGIApplicationGroup %{{GLOBAL}}
WSGIScriptAlias / {folder}/{module}.py
<Directory {folder}>
  Require all granted
</Directory>
"""


def _apache(folder: Path, port: int) -> list[str]:
    values = {"folder": folder, "port": port, "module": MODULE, "processes": PROCESSES, "threads": THREADS}
    packages = sysconfig.get_path("purelib")
    text = APACHE.format(**values, modules=APACHE_MODULES, packages=packages)
    (folder / "httpd.conf").write_text(text, "utf-8")
    return [_apache_program() or "apache2", "-f", str(folder / "httpd.conf"), "-DFOREGROUND"]


def _apache_program() -> str | None:
    return shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _no_apache() -> str:
    if not (_apache_program() and (APACHE_MODULES / "mod_wsgi.so").exists()):
        return "Apache with mod_wsgi is not installed (Debian: apt install apache2 libapache2-mod-wsgi-py3)"
    if os.geteuid() == 0:
        return "Apache does not answer requests as root; run the lab as an ordinary user"
    return ""


SERVERS = {
    server.name: server
    for server in (
        Server("gunicorn-sync", "gunicorn sync", _gunicorn(), PROCESSES, 1, "HUP", _needs("gunicorn")),
        Server(
            "gunicorn-gthread",
            "gunicorn gthread",
            _gunicorn("--worker-class=gthread", f"--threads={THREADS}"),
            PROCESSES,
            THREADS,
            "HUP",
            _needs("gunicorn"),
        ),
        Server(
            "gunicorn-gevent",
            "gunicorn gevent",
            _gunicorn("--worker-class=gevent"),
            PROCESSES,
            0,
            "HUP",
            _needs("gevent"),
        ),
        Server("uwsgi", "uWSGI", _uwsgi, PROCESSES, 1, "HUP", _needs("pyuwsgi")),
        Server("waitress", "waitress", _waitress, 1, PROCESSES * THREADS, "", _needs("waitress")),
        Server("granian", "granian", _granian, PROCESSES, THREADS, "HUP", _needs("granian")),
        Server("mod-wsgi", "mod_wsgi", _apache, PROCESSES, THREADS, "touch", _no_apache),
        Server("flask-run", "flask run", _development("werkzeug"), 1, 0, "", _needs("flask")),
        Server("wsgiref", "wsgiref", _development("wsgiref"), 1, 1, "", lambda: ""),
    )
}


def choose(names: list[str]) -> list[Server]:
    """Find servers by their names.

    Args:
        names: as on the command line; none means all.

    Raises:
        ServerError: a name is unknown, or given twice.
    """
    for name in names:
        if name not in SERVERS:
            raise ServerError(f"there is no server {name!r}; the servers are {', '.join(SERVERS)}")
    if len(set(names)) < len(names):
        raise ServerError(f"a server is named twice: {', '.join(names)}")
    return [SERVERS[name] for name in names or SERVERS]


@dataclass
class Running:
    """A server that runs.

    Attributes:
        server: which one.
        process: its main process, which has a process group of its own.
        port: of the loopback.
        folder: in which it runs, with the application and its log.
        seconds: from its start to its first answer.
    """

    server: Server
    process: subprocess.Popen
    port: int
    folder: Path
    seconds: float

    def reload(self) -> None:
        """Ask it to load the code of the application again."""
        if self.server.reload == "touch":
            os.utime(self.module)
        else:
            self.process.send_signal(signal.SIGHUP)

    @property
    def module(self) -> Path:
        """The file of the application, which may be changed."""
        return self.folder / f"{MODULE}.py"

    def processes(self) -> list[psutil.Process]:
        """List its processes, the main one first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.process.pid)
            return [main, *main.children(recursive=True)]
        return []


@contextmanager
def running(server: Server, app: str = "bare") -> Iterator[Running]:
    """Run a server with a copy of an application, until the block ends.

    Whatever happens in the block, none of its processes is left: they are one process group.

    Args:
        server: one of SERVERS.
        app: the name of a module in `server_lab.apps`.

    Raises:
        ServerError: it does not answer; the message has the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix="server-lab-") as name:
        folder, port = Path(name), free_port()
        shutil.copy(Path(apps.__file__).with_name(f"{app}.py"), folder / f"{MODULE}.py")
        environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder)}
        command = server.command(folder, port)
        started = time.monotonic()
        with (folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            _wait(server, process, port, folder)
            seconds = time.monotonic() - started
            _wait_for_workers(server, port)
            yield Running(server, process, port, folder, seconds)
        finally:
            end(process)


def _wait(server: Server, process: subprocess.Popen, port: int, folder: Path) -> None:
    limit = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < limit:
        if load.ask(port, timeout=2).status == 200:
            return
        time.sleep(0.01)
    said = (folder / "server.log").read_text("utf-8", "replace").splitlines()[-5:]
    state = "still runs" if process.returncode is None else f"ended with exit status {process.returncode}"
    log = "".join(f"\n  {line}" for line in said)
    raise ServerError(f"{server.name} did not answer on port {port} within {START_LIMIT} s, and {state}:{log}")


def _wait_for_workers(server: Server, port: int) -> None:
    """Wait until all workers answer, as far as they let themselves be seen: one that is starting misses signals."""
    limit = time.monotonic() + WORKERS_LIMIT
    while len(load.workers(port, server.processes, tries=30)) < server.processes and time.monotonic() < limit:
        time.sleep(0.02)


def end(process: subprocess.Popen) -> None:
    """Kill a server with everything that it has started, in its process group, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_LIMIT)


def free_port() -> int:
    """Find a port of the loopback on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
