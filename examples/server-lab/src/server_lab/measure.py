"""One run: every server with every application, in turn, round after round; then the faults, one server at a time."""

import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import mean

from server_lab import faults, load
from server_lab.results import SCHEMA, Faults, Machine, Measured, Results, Round, Settings
from server_lab.servers import Running, Server, ServerError, running

FULL = Settings(quick=False, rounds=5, seconds=1, connections=16, slow=0.5, idle=10_000, slow_clients=50, patience=2)
QUICK = Settings(quick=True, rounds=1, seconds=1, connections=4, slow=0.3, idle=200, slow_clients=30, patience=1)
APPS = ("bare", "flask")
MODULES = {"bare": "bare", "flask": "with_flask"}
WARM_UP = 20  # requests before load is put on
PROGRAMS = ("gunicorn", "gevent", "pyuwsgi", "waitress", "granian", "werkzeug", "flask")
FAULTS = 7
Say = Callable[[str], None]


class Steps:
    """Says which step is being done, of how many."""

    def __init__(self, say: Say, number: int) -> None:
        """Begin before the first of a number of steps."""
        self._say, self._number, self._done = say, number, 0

    def __call__(self, what: str) -> None:
        """Begin a step."""
        self._done += 1
        self._say(f"[{self._done:>{len(str(self._number))}}/{self._number}] {what}")


def run(servers: list[Server], settings: Settings, say: Say) -> Results:
    """Measure servers side by side.

    Args:
        servers: those of `server_lab.servers.SERVERS` that are wanted; one that this machine lacks is left out.
        settings: FULL, QUICK or others.
        say: gets a line for each step.

    Raises:
        ServerError: a server does not start, or none is left.
        LoadError: wrk is missing.
        FilesError: too few files may be open.
    """
    load.program()
    lacking = {server.name: server.lacks() for server in servers if server.lacks()}
    for name, reason in lacking.items():
        say(f"left out: {name}: {reason}")
    servers = [server for server in servers if server.name not in lacking]
    if not servers:
        raise ServerError("no server is left to measure")
    settings = _allowed(settings, say)
    step = Steps(say, settings.rounds * len(APPS) * len(servers) + FAULTS * len(servers))
    rounds: dict[str, dict[str, list[Round]]] = {server.name: {app: [] for app in APPS} for server in servers}
    versions = _versions()
    for number in range(settings.rounds):
        for app in APPS:
            for server in _turned(servers, number):
                step(f"round {number + 1} of {settings.rounds}, {app}: {server.title}")
                with running(server, MODULES[app]) as started:
                    rounds[server.name][app].append(_round(started, app, settings))
                    if server.name == "mod-wsgi" and app == "bare":
                        python, module = load.ask(started.port, "/about").body.decode().split()
                        versions["mod_wsgi"] = f"{module} on Python {python}"
    measured = {
        server.name: Measured(
            server.title, server.processes, server.threads, rounds[server.name], _faults(server, settings, step)
        )
        for server in servers
    }
    date = datetime.now(UTC).date().isoformat()
    return Results(SCHEMA, date, machine(), versions, settings, measured, lacking)


def _allowed(settings: Settings, say: Say) -> Settings:
    """Take as many idle connections as files may be opened for."""
    allowed = faults.files_allowed()
    if not settings.quick and allowed is not None and allowed < settings.idle:
        say(f"only {allowed:,} idle connections in place of {settings.idle:,}: more files may not be open (ulimit -Hn)")
        settings = Settings(**{**vars(settings), "idle": allowed})
    faults.allow_files(max(settings.idle, settings.slow_clients))
    return settings


def _turned(servers: list[Server], number: int) -> list[Server]:
    """Let another server begin each round."""
    first = number % len(servers)
    return servers[first:] + servers[:first]


# --8<-- [start:round]
def _round(started: Running, app: str, settings: Settings) -> Round:
    """Warm a server up, put load on it, weigh it, and let a fast request wait beside slow ones."""
    load.answered(started.port, WARM_UP, timeout=10)
    done = load.wrk(started.port, settings.connections, settings.seconds)
    workers = load.workers(started.port, started.server.processes)
    return Round(
        start=started.seconds,
        rate=done.requests / done.seconds,
        p50=done.p50,
        p99=done.p99,
        errors=done.errors,
        worker=mean([faults.memory_of(worker) for worker in workers] or [0]),
        whole=faults.whole_memory(started),
        wait=faults.wait_beside_slow(started, settings.slow) if app == "bare" else None,
    )


# --8<-- [end:round]
def _faults(server: Server, settings: Settings, step: Steps) -> Faults:
    """Put one fault after the other on a server, each on a fresh one."""

    def each(what: str) -> Iterator[Running]:
        step(f"{what}: {server.title}")
        with running(server) as started:
            yield started

    slow, patience = settings.slow, settings.patience
    return Faults(
        stopped=_only(each("SIGTERM"), lambda one: faults.stop_in_flight(one, slow)),
        reloaded=_only(each("reload under load"), faults.reload_under_load),
        broken=_only(each("reload of broken code"), lambda one: faults.reload_broken(one, patience)),
        killed=_only(each("killed worker"), lambda one: faults.kill_worker(one, slow)),
        slow_clients=_only(
            each("slow clients"), lambda one: faults.slow_clients(one, settings.slow_clients, slow, patience)
        ),
        idle=_only(each("idle connections"), lambda one: faults.idle_connections(one, settings.idle, patience)),
        malformed=_only(each("malformed requests"), lambda one: faults.malformed(one, patience)),
    )


def _only(servers: Iterator[Running], what: Callable[[Running], object]) -> object:
    [found] = map(what, servers)
    return found


def machine() -> Machine:
    """Describe this machine, without a name."""
    processor = platform.machine()
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            processor = line.partition(": ")[2]
            break
    kernel = ".".join(re.findall(r"\d+", platform.release())[:2])
    return Machine(len(os.sched_getaffinity(0)), processor, f"{platform.system()} {kernel}", platform.python_version())


def _versions() -> dict[str, str]:
    """Give the versions of what takes part, as far as it is there."""
    found = {}
    for name in PROGRAMS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    said = subprocess.run([load.program(), "-v"], capture_output=True, text=True, timeout=10, check=False).stdout
    found["wrk"] = match[1] if (match := re.search(r"wrk \D*([\d.]+)", said)) else "unknown"
    return found
