"""What a run found, as one JSON file, and what may be concluded from it: medians, spreads and ties."""

import json
import os
import statistics
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, is_dataclass
from itertools import combinations
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

SCHEMA = 1


class ResultsError(ValueError):
    """A file holds no results; the message says where it differs from what is expected."""


@dataclass(frozen=True)
class Round:
    """What one round measured of one server with one application.

    Attributes:
        start: from the start to the first answer, in seconds.
        rate: requests that were answered, per second.
        p50: the latency that half of the requests stay below, in seconds.
        p99: the latency that 99 % stay below, in seconds.
        errors: requests that failed.
        worker: memory that one worker has for itself (USS), in bytes: the mean of the workers.
        whole: memory of all processes (PSS), in bytes.
        wait: of a fast request beside four slow ones, in seconds; None where it was not measured.
    """

    start: float
    rate: float
    p50: float
    p99: float
    errors: int
    worker: float
    whole: float
    wait: float | None


@dataclass(frozen=True)
class Stopped:
    """After SIGTERM: whether the request in flight was answered, and the exit status (None: it was killed)."""

    answered: bool
    exit: int | None


@dataclass(frozen=True)
class Reloaded:
    """Reloads under load: requests that failed, of how many; reloads after which only new processes answered."""

    failed: int
    total: int
    done: int


@dataclass(frozen=True)
class Broken:
    """After a reload with broken code: requests that were answered, of how many; whether the main process runs."""

    answered: int
    asked: int
    runs: bool


@dataclass(frozen=True)
class Killed:
    """After a worker was killed.

    Attributes:
        in_flight: whether the request that it was answering is lost.
        failed: other requests that failed, from then until the look.
        total: other requests.
        back: whether a new process answers in its place.
        up: whether anything answers.
    """

    in_flight: bool
    failed: int
    total: int
    back: bool
    up: bool


@dataclass(frozen=True)
class SlowClients:
    """Beside a number of clients that never end their request: how many of those who ask are answered."""

    number: int
    answered: int
    asked: int


@dataclass(frozen=True)
class Idle:
    """Connections that send nothing.

    Attributes:
        number: that were opened.
        connected: that the system made.
        held: that the server took.
        answered: requests beside them that were answered.
        asked: requests beside them.
        memory: by which the server grew, in bytes.
    """

    number: int
    connected: int
    held: int
    answered: int
    asked: int
    memory: int


@dataclass(frozen=True)
class Faults:
    """What a server does when something fails. None stands for a reload that it does not have."""

    stopped: Stopped
    reloaded: Reloaded | None
    broken: Broken | None
    killed: Killed
    slow_clients: SlowClients
    idle: Idle
    malformed: dict[str, str]


@dataclass(frozen=True)
class Measured:
    """All of one server: its title, processes, threads (0: as many as come), rounds by application, and faults."""

    title: str
    processes: int
    threads: int
    rounds: dict[str, list[Round]]
    faults: Faults


@dataclass(frozen=True)
class Settings:
    """How a run measures.

    Attributes:
        quick: whether times and ratios mean nothing, since they were measured once and for a moment.
        rounds: how often each server is measured with each application, in turn.
        seconds: that load is put on each time.
        connections: over which load is put on.
        slow: seconds that a slow request takes.
        idle: connections that send nothing.
        slow_clients: clients that never end their request.
        patience: seconds that others wait where a fault may keep them waiting.
    """

    quick: bool
    rounds: int
    seconds: int
    connections: int
    slow: float
    idle: int
    slow_clients: int
    patience: float


@dataclass(frozen=True)
class Machine:
    """Where a run was: processor cores, their model, kernel and Python. No name, no path."""

    cores: int
    processor: str
    kernel: str
    python: str


@dataclass(frozen=True)
class Results:
    """One run: its date (ISO 8601), machine, versions, settings, servers, and those left out with the reason."""

    schema: int
    date: str
    machine: Machine
    versions: dict[str, str]
    settings: Settings
    servers: dict[str, Measured]
    left_out: dict[str, str]


def write(results: Results, path: Path) -> None:
    """Write results as JSON: whole, or not at all."""
    text = json.dumps(asdict(results), indent=1) + "\n"
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as draft:
        draft.write(text)
    os.chmod(draft.name, 0o644)
    os.replace(draft.name, path)


def read(path: Path) -> Results:
    """Read results.

    Raises:
        ResultsError: the file cannot be read, or holds something else.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ResultsError(f"{path}: no JSON: {error}") from None
    if isinstance(value, dict) and value.get("schema") != SCHEMA:
        raise ResultsError(f"{path}: schema {value.get('schema')!r}, where this version of the lab reads {SCHEMA}")
    return _made(Results, value, str(path))


def _made(kind: Any, value: Any, where: str) -> Any:
    """Make a value of JSON into what its type says, or say where it differs."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        if not isinstance(value, dict) or sorted(value) != sorted(names):
            raise ResultsError(f"{where}: expected an object with {', '.join(names)}")
        return kind(**{name: _made(hints[name], value[name], f"{where}: {name}") for name in names})
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _made(next(one for one in inner if one is not NoneType), value, where)
    if origin is list and isinstance(value, list):
        return [_made(inner[0], one, f"{where}[{number}]") for number, one in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {name: _made(inner[1], one, f"{where}: {name}") for name, one in value.items()}
    if origin is None and (type(value) is kind or (kind is float and type(value) is int)):
        return kind(value)
    raise ResultsError(f"{where}: expected {getattr(kind, '__name__', kind)}, found {value!r}")


# --8<-- [start:spread]
@dataclass(frozen=True)
class Spread:
    """A median with the least and the most of the rounds."""

    median: float
    least: float
    most: float


def spread(numbers: Iterable[float]) -> Spread:
    """Sum up the rounds."""
    numbers = list(numbers)
    return Spread(statistics.median(numbers), min(numbers), max(numbers))


def tied(one: Spread, other: Spread) -> bool:
    """Tell whether two differ by less than the larger of their spreads."""
    return abs(one.median - other.median) < max(one.most - one.least, other.most - other.least)


# --8<-- [end:spread]


def base(results: Results) -> str:
    """Name the server that the others are relative to: gunicorn sync, or else the first."""
    return "gunicorn-sync" if "gunicorn-sync" in results.servers else next(iter(results.servers))


def ratios(results: Results, app: str, what: str) -> dict[str, Spread]:
    """Relate each server to the base, round by round.

    Args:
        results: of a run.
        app: the application.
        what: a field of `Round`.

    Returns:
        By the name of the server, the spread of the ratios of its rounds.
    """
    bases = [getattr(one, what) for one in results.servers[base(results)].rounds[app]]
    return {
        name: spread(getattr(one, what) / (other or 1) for one, other in zip(server.rounds[app], bases, strict=True))
        for name, server in results.servers.items()
    }


def values(results: Results, app: str, what: str) -> dict[str, Spread]:
    """Sum up the rounds of each server, as they were measured."""
    return {name: spread(getattr(one, what) for one in server.rounds[app]) for name, server in results.servers.items()}


def ties(spreads: dict[str, Spread]) -> list[tuple[str, ...]]:
    """List the largest groups in which no difference was found between any two.

    A server can be in several: if a ties with b, and b with c, a and c need not tie.
    """
    groups: list[tuple[str, ...]] = []
    for size in range(len(spreads), 1, -1):
        for group in combinations(spreads, size):
            if all(tied(spreads[one], spreads[other]) for one, other in combinations(group, 2)) and not any(
                set(group) <= set(larger) for larger in groups
            ):
                groups.append(group)
    return groups
