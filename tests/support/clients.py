"""Clients of a site that goes wrong behind its front door: they ask, wait for the answer, count it, and ask again.

Each is a thread whose connections begin in a network of the tests' own. None of them hides anything. A read is asked
once; only where its answer breaks off in the middle it is asked again, once, as browsers do, and that counts. A write
is tried again until its outcome is known, and each attempt counts. A write that was acknowledged is on the disk, in a
file of its own client, before the next one begins.
"""

import contextlib
import http.client
import itertools
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.network import Network
from support.waiting import until

TIMEOUT = 30.0  # seconds for one answer
PAUSE = 0.2  # seconds before the second attempt of a write, and each after that
ATTEMPTS = 150  # of one write
LIMIT = 120.0  # seconds for a client to end
BROKEN_OFF = http.client.IncompleteRead.__name__
ADDED, TAKEN, AWAY = 201, 409, 503
UNKNOWN = (502, 503, 504)  # after these, a write may have been done or not


@dataclass
class Phase:
    """What clients met while one thing went on; a request belongs to the phase in which it began."""

    name: str
    reads: Counter[str] = field(default_factory=Counter)  # by status, or by what came instead of an answer
    writes: Counter[str] = field(default_factory=Counter)  # attempts
    broken_off: int = 0  # answers to reads that were asked for again
    acknowledged: dict[str, int] = field(default_factory=dict)  # names, with the id that the answer gave
    found: set[str] = field(default_factory=set)  # names that were there at the next attempt
    retries: int = 0  # attempts that were not the first
    slowest: float = 0.0  # seconds

    @property
    def failed_reads(self) -> dict[str, int]:
        """How many reads ended otherwise than with 200."""
        return {kind: count for kind, count in self.reads.items() if kind != "200"}

    @property
    def failed_writes(self) -> dict[str, int]:
        """How many attempts to write ended otherwise than with 201, or with finding what an earlier one wrote."""
        return {kind: count for kind, count in self.writes.items() if kind not in ("201", "found")}


class Clients:
    """Readers and writers of one site, and their account."""

    def __init__(self, network: Network, address: str, host: str, key: str, folder: Path) -> None:
        """Take where the front door is, what it is called, its key, and a new folder for the accounts.

        What they add is named after the folder.
        """
        self.network, self.address, self.host, self.key, self.folder = network, address, host, key, folder
        folder.mkdir(parents=True)
        self.phases = [Phase("start")]
        self.unsettled: set[str] = set()  # names whose outcome is not known
        self.refused: list[str] = []  # answers that no write should get
        self._known: list[int] = []  # ids that were acknowledged
        self._stop = threading.Event()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def asking(self, readers: int, writers: int, pause: float) -> Iterator[None]:
        """Let clients ask while the block runs.

        Args:
            readers: how many read.
            writers: how many write.
            pause: seconds that each waits after an answer.
        """
        work = [*([self._read] * readers), *([self._write] * writers)]
        threads = [
            threading.Thread(target=self.network.in_network, args=(lambda each=each, n=n: each(n, pause),))
            for n, each in enumerate(work)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(LIMIT)
            assert not any(thread.is_alive() for thread in threads), "a client does not end"

    @contextlib.contextmanager
    def phase(self, name: str, before: int = 20, after: int = 100) -> Iterator[Phase]:
        """Count under a name of its own what is asked from here on.

        Args:
            name: what goes on.
            before: answers that come before the block runs.
            after: answers to requests that begin after the block has ended.
        """
        phase = Phase(name)
        self.phases.append(phase)
        self._wait(phase, before)
        yield phase
        self._wait(phase, self._answers(phase) + after)

    def _answers(self, phase: Phase) -> int:
        with self._lock:
            return phase.reads.total() + phase.writes.total()

    def _wait(self, phase: Phase, answers: int) -> None:
        until(lambda: self._answers(phase) >= answers, LIMIT, lambda: f"{answers} answers did not come: {phase}")

    def _read(self, number: int, pause: float) -> None:
        """Ask for the list, and for packages that were acknowledged."""
        chance = random.Random(number)
        while not self._stop.wait(pause):
            phase, started = self.phases[-1], time.monotonic()
            known = chance.choice(self._known) if self._known and chance.random() < 0.8 else None
            path = f"/api/packages/{known}" if known else "/api/packages"
            kind, _ = self._ask("GET", path)
            broken_off = kind == BROKEN_OFF
            if broken_off:
                kind, _ = self._ask("GET", path)
            with self._lock:
                phase.broken_off += broken_off
                phase.reads[kind] += 1
                phase.slowest = max(phase.slowest, time.monotonic() - started)

    def _write(self, number: int, pause: float) -> None:
        """Add packages with names of its own."""
        with (self.folder / f"{number}.log").open("w", encoding="utf-8") as log:
            for count in itertools.count():
                if self._stop.wait(pause):
                    return
                name = f"{self.folder.name}-{number}-{count}"
                if (stored := self._settle(name)) is not None:
                    log.write(f"{stored} {name}\n")
                    log.flush()
                    os.fsync(log.fileno())

    def _settle(self, name: str) -> int | None:
        """Add a package; give its id where that was acknowledged."""
        doubtful = False
        self.unsettled.add(name)
        for attempt in range(ATTEMPTS):
            phase, started = self.phases[-1], time.monotonic()
            body = {"name": name, "summary": f"The package {name}.", "url": f"https://example.org/{name}"}
            kind, answer = self._ask("POST", "/api/packages", body)
            found = kind == str(TAKEN) and doubtful
            with self._lock:
                phase.writes["found" if found else kind] += 1
                phase.retries += attempt > 0
                phase.slowest = max(phase.slowest, time.monotonic() - started)
                if kind == str(ADDED):
                    phase.acknowledged[name] = answer["id"]
                    self._known.append(answer["id"])
                if found:
                    phase.found.add(name)
            if kind == str(ADDED) or found:
                self.unsettled.discard(name)
                return answer.get("id")
            if kind.isdigit() and int(kind) not in UNKNOWN:
                self.refused.append(f"{kind} {name}")
                self.unsettled.discard(name)
                return None
            doubtful = True
            time.sleep(PAUSE)
        return None

    def _ask(self, method: str, path: str, body: object = None) -> tuple[str, dict]:
        """Ask once, over a connection of its own; give the status, or what came instead, and an added package."""
        headers = {"Host": self.host, "Connection": "close"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        connection = http.client.HTTPConnection(self.address, 80, timeout=TIMEOUT)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = answer.read()
            return str(answer.status), json.loads(content) if answer.status == ADDED else {}
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, {}
        finally:
            connection.close()


def account(folder: Path) -> dict[str, int]:
    """Read the ids by name that the writers have put on the disk."""
    lines = [line.split() for log in folder.glob("*.log") for line in log.read_text("utf-8").splitlines()]
    return {name: int(number) for number, name in lines if number.isdigit()}


def lost(phase: Phase, rows: list[tuple[int, str]]) -> list[str]:
    """Name what clients were told is there, in one phase, and the database does not have.

    Args:
        phase: that has ended.
        rows: ids and names, all that the database has.
    """
    kept, there = set(rows), {name for _, name in rows}
    told = [name for name, number in phase.acknowledged.items() if (number, name) not in kept]
    return told + [name for name in phase.found if name not in there]


def doubled(phase: Phase, rows: list[tuple[int, str]]) -> list[str]:
    """Name what clients added once, in one phase, and the database has more often."""
    there = Counter(name for _, name in rows)
    return [name for name in (*phase.acknowledged, *phase.found) if there[name] > 1]


def faults(clients: Clients, rows: list[tuple[int, str]]) -> list[str]:
    """Tell what the clients were told, and the database does not have so.

    Args:
        clients: that have ended.
        rows: ids and names, all that the database has.
    """
    acknowledged = {name: number for phase in clients.phases for name, number in phase.acknowledged.items()}
    found = {name for phase in clients.phases for name in phase.found}
    assert acknowledged == account(clients.folder), "the clients' files are not what they counted"
    wrong = [f"{name} is lost" for phase in clients.phases for name in lost(phase, rows)]
    wrong += [f"{name} is there twice" for phase in clients.phases for name in doubled(phase, rows)]
    theirs = {name for _, name in rows if name.startswith(f"{clients.folder.name}-")}
    wrong += [f"{name} is there, unknown" for name in theirs - acknowledged.keys() - found - clients.unsettled]
    return wrong + [f"unexpected: {answer}" for answer in clients.refused]
