"""flask-site keeps what it has acknowledged: fifty processes write at once, and something is killed meanwhile.

The writers of support/writers.py keep an account of their own. In the end the database is asked, not the application.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import writers
from support.flask_site import KEY, Deployment
from support.postgres import Cluster

WRITERS = 50
MANY = 30  # rows of each
LIMIT = 300  # seconds for all that the writers do

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the writers are forked, and ended by signals")


@dataclass
class Account:
    """What the writers say: each name is in one of the first four."""

    stored: dict[str, int] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    gave_up: set[str] = field(default_factory=set)
    tried: Counter = field(default_factory=Counter)


def read(folder: Path) -> Account:
    """Add up the accounts of the writers, whole lines only."""
    account = Account()
    for log in folder.glob("*.log"):
        for line in log.read_text("utf-8").splitlines(keepends=True):
            match line.split():
                case ["tried", *counts]:
                    account.tried.update({what: int(n) for what, n in (count.split(":") for count in counts)})
                case ["stored", number, name] if line.endswith("\n"):
                    account.stored[name] = int(number)
                case ["found", _, name] if line.endswith("\n"):
                    account.found.add(name)
                case ["gave-up", _, name] if line.endswith("\n"):
                    account.gave_up.add(name)
                case _ if line.endswith("\n"):
                    account.refused.append(line)
    return account


def faults(account: Account, rows: list[tuple[int, str]], names: set[str]) -> list[str]:
    """Tell what the account and the rows of the database do not agree about.

    Args:
        account: of the writers.
        rows: the ids and names that are in the database.
        names: all that the writers were to store.
    """
    there = Counter(name for _, name in rows)
    found = [f"{name} is there {count} times" for name, count in there.items() if count > 1]
    kept = set(rows)
    found += [f"{name} was acknowledged and is lost" for name, n in account.stored.items() if (n, name) not in kept]
    doubtful = account.found | account.gave_up
    found += [f"{name} is there and nobody was told" for name in there.keys() - account.stored.keys() - doubtful]
    found += [f"{name} was found and is not there" for name in account.found - there.keys()]
    found += [f"unexpected: {line}" for line in account.refused]
    told = account.stored.keys() | doubtful
    return found + [f"nothing is known about {name}" for name in names - told]


def written(writers: int, rows: int) -> set[str]:
    return {f"writer{writer}-row{row}" for writer in range(writers) for row in range(rows)}


def interrupted(site: Deployment, folder: Path, rows: int, interrupt: Callable[[], None]) -> Account:
    """Let the writers write, interrupt them when a third is stored, and give their account."""
    folder.mkdir()
    program = [sys.executable, "-I", writers.__file__, *map(str, (site.port, KEY, folder, WRITERS, rows))]
    pipes = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    process = subprocess.Popen(program, text=True, start_new_session=True, **pipes)  # a group: the writers, too
    try:
        end = time.monotonic() + LIMIT
        while len(read(folder).stored) < WRITERS * rows / 3:
            assert process.poll() is None, f"the writers have ended: {process.stderr.read()}"
            assert time.monotonic() < end, f"they do not come far: {read(folder)}"
            time.sleep(0.02)
        interrupt()
        assert process.poll() is None, "they had ended before the interruption had"
        _, said = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, said
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return read(folder)


def report(account: Account, rows: list[tuple[int, str]]) -> None:
    counts = {"rows": len(rows), "acknowledged": len(account.stored), "found": len(account.found)}
    print(", ".join(f"{count} {what}" for what, count in (counts | dict(account.tried)).items()))


@pytest.mark.parametrize("rows", [3, pytest.param(MANY, marks=pytest.mark.full)])  # of each writer
def test_nothing_that_was_acknowledged_is_lost_when_postgresql_is_killed(
    rows: int, flask_site: Path, postgres: Cluster, tmp_path: Path
) -> None:
    site = Deployment(flask_site, tmp_path, postgres.database("writers"))
    site.run("init-db")

    def kill() -> None:
        postgres.kill()
        time.sleep(0.3)  # for the writers to notice
        postgres.start()

    with site.serving(), restored(postgres):
        account = interrupted(site, tmp_path / "writers", rows, kill)
        stored = [line.split("|") for line in postgres.query("writers", "SELECT id, name FROM packages")]
    there = [(int(number), name) for number, name in stored]
    report(account, there)
    assert faults(account, there, written(WRITERS, rows)) == []
    assert account.gave_up == set()
    assert account.tried["503"] > 0, "nobody noticed the interruption"
    assert account.tried["lost"] + account.tried["refused-connection"] == 0, "the application itself went away"


@contextlib.contextmanager
def restored(server: Cluster) -> Iterator[None]:
    """Leave the server running, for the tests that follow."""
    try:
        yield
    finally:
        if not server.running():
            server.start()


@pytest.mark.full
def test_nothing_that_was_acknowledged_is_lost_when_the_application_is_killed(flask_site: Path, tmp_path: Path) -> None:
    """With SQLite, of which the application's process holds the connections."""
    site = Deployment(flask_site, tmp_path)
    site.run("init-db")

    def kill() -> None:
        site.kill()
        time.sleep(0.1)  # for the writers to notice
        site.start()

    with site.serving():
        account = interrupted(site, tmp_path / "writers", MANY, kill)
    with contextlib.closing(sqlite3.connect(tmp_path / "site.db")) as database:
        there = database.execute("SELECT id, name FROM packages").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    report(account, there)
    assert faults(account, there, written(WRITERS, MANY)) == []
    assert account.gave_up == set()
    assert account.tried["lost"] + account.tried["refused-connection"] > 0, "nobody noticed the interruption"


# What the writers' account may say, what may be in the database, and what is found wrong.
WRONG = [
    ("stored 7 a\n", [(7, "a")], []),
    ("stored 7 a\n", [], ["a was acknowledged and is lost"]),
    ("stored 7 a\n", [(8, "a")], ["a was acknowledged and is lost"]),
    ("stored 7 a\n", [(7, "a"), (8, "a")], ["a is there 2 times"]),
    ("found 0 a\n", [(7, "a")], []),
    ("found 0 a\n", [], ["a was found and is not there"]),
    ("gave-up 0 a\n", [], []),
    ("gave-up 0 a\n", [(7, "a")], []),
    ("refused 409 a\n", [(7, "a")], ["unexpected: refused 409 a\n", "a is there and nobody was told"]),
    ("stored 7 a", [(7, "a")], ["a is there and nobody was told", "nothing is known about a"]),
    ("stored 7 a\n", [(7, "a"), (8, "b")], ["b is there and nobody was told"]),
]


@pytest.mark.parametrize(("line", "rows", "expected"), WRONG)
def test_the_accounts_are_compared_row_by_row(line: str, rows: list, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "0.log").write_text(f"{line}" + "tried 201:1 503:2\n" * line.endswith("\n"))
    found = faults(read(tmp_path), rows, {"a"})
    assert set(expected) <= set(found)
    assert bool(found) == bool(expected)
