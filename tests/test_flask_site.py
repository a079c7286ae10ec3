"""flask-site as its users run it: from the wheel, over real databases, which go away and come back."""

import concurrent.futures
import contextlib
import json
import os
import queue
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.flask_site import KEY, Answer, Deployment, package
from support.postgres import Cluster
from support.waiting import until

BOUND = 15.0  # seconds for an answer while the database is away: it may wait for a lock, and for a connection
RECOVERY = 30.0  # seconds until it answers as before, once the database is back

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes with the signals that servers get on Linux")


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, flask_site: Path, tmp_path: Path) -> Deployment:
    """The application over each of the databases, without its tables."""
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres").database("site")
    return Deployment(flask_site, tmp_path, url)


@pytest.fixture(scope="module")
def serving_over_postgresql(
    flask_site: Path, postgres: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """One server for the tests in which the database goes away: it is to survive all of them."""
    site = Deployment(flask_site, tmp_path_factory.mktemp("site"), postgres.database("lasting"))
    site.run("init-db")
    with site.serving():
        yield site


@pytest.fixture
def over_postgresql(serving_over_postgresql: Deployment, postgres: Cluster) -> Iterator[Deployment]:
    """That server, without packages; the database runs again in the end."""
    site, process, before = serving_over_postgresql, serving_over_postgresql.process, postgres.log.stat().st_size
    postgres.query("lasting", "TRUNCATE packages")
    until(lambda: site.ask("GET", "/readyz").status == 200, RECOVERY, "it does not recover")
    yield site
    print(site.said(), postgres.said(before))
    if not postgres.running():
        postgres.start()
    assert (site.process, process.poll()) == (process, None)


def stored(site: Deployment, postgres: Cluster | None) -> list[str]:
    """Ask the database itself."""
    if postgres:
        return postgres.query("site", "SELECT name FROM packages")
    with contextlib.closing(sqlite3.connect(site.folder / "site.db")) as database:
        return [name for (name,) in database.execute("SELECT name FROM packages")]


def names(site: Deployment) -> list[str]:
    return [package["name"] for package in site.ask("GET", "/api/packages").json()["packages"]]


# A database without tables


@pytest.mark.parametrize(
    ("site", "migrators"),
    [("sqlite", 2), *[pytest.param(*many, marks=pytest.mark.full) for many in (("sqlite", 6), ("postgresql", 6))]],
    indirect=["site"],
)
def test_it_says_what_is_missing_before_the_migrations(migrators: int, site: Deployment) -> None:
    """Probes tell; pages and the API say 503, and work without a restart when `init-db` has run, several at once."""
    with site.serving():
        told = [site.ask("GET", path) for path in ("/healthz", "/readyz")]
        assert [(answer.status, answer.text) for answer in told] == [(200, "ok\n"), (503, "migrations missing\n")]
        for answer in (site.ask("GET", "/"), site.add("early")):
            unavailable(answer)
        assert "flask-site init-db" in site.run("check", status=1)
        with concurrent.futures.ThreadPoolExecutor(migrators) as pool, locked(site, None) as release:
            said = [pool.submit(site.run, "init-db") for _ in range(migrators)]
            time.sleep(1)  # so that they are there together when the lock of SQLite is free
            release()
            assert {done.result() for done in said} == {"The tables are as this release needs them.\n"}
        assert site.ask("GET", "/readyz").text == "ok\n"
        assert site.add("late").status == 201
        assert names(site) == ["late"]


# The end of the process


@contextlib.contextmanager
def asking(ask: Callable[[], Answer]) -> Iterator[queue.Queue]:
    """Send a request beside the block, which may wait for what comes back, an answer or an error."""
    came: queue.Queue[Answer | Exception] = queue.Queue()

    def run() -> None:
        try:
            came.put(ask())
        except Exception as error:
            came.put(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield came
    finally:
        thread.join()


@contextlib.contextmanager
def locked(site: Deployment, postgres: Cluster | None, name: str = "site") -> Iterator[Callable[[], None]]:
    """Keep every write waiting while the block runs, or until it calls what it is given.

    Args:
        site: whose database it is.
        postgres: the server, if it is not a file of SQLite.
        name: of the database on that server.
    """
    if postgres is None:
        with contextlib.closing(sqlite3.connect(site.folder / "site.db", isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield lambda: database.execute("ROLLBACK")
    else:
        program = [postgres.programs / "psql", "--no-psqlrc", "--quiet", site.database_url]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
        with subprocess.Popen(program, **streams) as process:
            try:
                process.stdin.write("BEGIN; LOCK TABLE packages IN EXCLUSIVE MODE;\n")
                process.stdin.flush()
                asked = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'packages'::regclass"
                until(lambda: postgres.query(name, asked) == ["1"], 20, "the table is not locked")
                yield process.stdin.close
            finally:
                process.kill()


@pytest.mark.parametrize("site", ["sqlite", pytest.param("postgresql", marks=pytest.mark.full)], indirect=True)
def test_a_request_in_flight_is_answered_before_the_end(site: Deployment, request: pytest.FixtureRequest) -> None:
    """SIGTERM lets the requests that have begun come to their end, takes no more, and ends with 0."""
    site.run("init-db")
    postgres = None if site.database_url.startswith("sqlite") else request.getfixturevalue("postgres")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    with site.serving(), locked(site, postgres) as release, site.connected(BOUND) as connection:
        connection.request("POST", "/api/packages", json.dumps(package("last")), headers)
        for _ in range(2):  # connections are taken up in their order: when later ones have their answer, it has begun
            assert site.ask("GET", "/healthz").status == 200
        site.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert site.process.poll() is None
        release()
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        assert json.loads(answer.read())["name"] == "last"
        assert site.process.wait(BOUND) == 0
        with pytest.raises(ConnectionRefusedError):
            site.ask("GET", "/healthz")
        site.process = None
        assert stored(site, postgres) == ["last"]


# A database that goes away


def unavailable(answer: Answer) -> None:
    """Check what a client is told: when to come again, and nothing of the inside."""
    assert answer.status == 503, answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert re.search('Traceback|sqlalchemy|psycopg|sqlite|File "|127.0.0.1|postgres', answer.text) is None


def test_it_survives_the_death_of_the_database(over_postgresql: Deployment, postgres: Cluster) -> None:
    """503 within a bound while it is away, with the probes telling; then as before, without a restart."""
    site = over_postgresql
    assert site.add("before").status == 201
    form = site.ask("GET", "/packages/add")
    assert form.status == 200
    postgres.kill()
    started = time.monotonic()
    for answer in (site.add("while"), site.ask("GET", "/"), site.ask("GET", "/api/packages")):
        unavailable(answer)
    assert site.ask("GET", "/readyz").text == "database unreachable\n"
    assert "database" in site.run("check", status=1)
    assert site.ask("GET", "/healthz").status == 200
    assert site.ask("GET", "/packages/add").status == 200  # needs no database
    assert time.monotonic() - started < BOUND
    postgres.start()
    until(lambda: site.ask("GET", "/readyz").status == 200, RECOVERY, "it does not recover")
    assert site.add("after").status == 201
    assert names(site) == ["after", "before"]


def test_a_request_whose_database_dies_is_answered(over_postgresql: Deployment, postgres: Cluster) -> None:
    """It waits in the database when that is killed: 503, and nothing is stored."""
    site = over_postgresql
    with locked(site, postgres, "lasting"), asking(lambda: site.add("caught")) as came:
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'lasting' AND wait_event_type = 'Lock'"
        until(lambda: postgres.query("lasting", blocked) == ["1"], 20, "the request does not wait")
        postgres.kill()
        answer = came.get(timeout=BOUND)
        assert isinstance(answer, Answer), answer
        unavailable(answer)
    postgres.start()
    until(lambda: site.ask("GET", "/readyz").status == 200, RECOVERY, "it does not recover")
    assert names(site) == []
    assert site.add("caught").status == 201


@pytest.mark.full
def test_a_lock_that_somebody_holds_is_not_waited_for_without_end(
    site: Deployment, request: pytest.FixtureRequest
) -> None:
    """503 after some seconds; reading goes on meanwhile."""
    site.run("init-db")
    postgres = None if site.database_url.startswith("sqlite") else request.getfixturevalue("postgres")
    with site.serving(), locked(site, postgres) as release, asking(lambda: site.add("kept-out")) as came:
        assert names(site) == []
        answer = came.get(timeout=BOUND)
        assert isinstance(answer, Answer), answer
        unavailable(answer)
        release()
        assert site.add("let-in").status == 201


def test_the_database_ends_a_transaction_that_nobody_goes_on_with(flask_site: Path, postgres: Cluster) -> None:
    """Without it, the locks of a machine that was cut off stay until TCP gives up, after two hours."""
    ask = (
        "import sys, sqlalchemy, flask_site.database as d;"
        " engine = d.make_engine(sqlalchemy.make_url(sys.argv[1]));"
        " print(engine.connect().scalar(sqlalchemy.text('SHOW idle_in_transaction_session_timeout')))"
    )
    url = postgres.database("idle").replace("postgresql:", "postgresql+psycopg:")
    done = subprocess.run(
        [flask_site.with_name("python"), "-c", ask, url], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "10s\n"


@pytest.mark.full
def test_it_goes_on_when_a_frozen_database_wakes(over_postgresql: Deployment, postgres: Cluster) -> None:
    """Nobody answers, and no connection is cut: the probe of the process answers, and requests afterwards do."""
    site = over_postgresql
    assert site.add("before").status == 201
    with postgres.frozen():
        with contextlib.suppress(TimeoutError):
            unavailable(site.ask("GET", "/", timeout=2))
        assert site.ask("GET", "/healthz", timeout=BOUND).status == 200
    until(lambda: site.ask("GET", "/readyz").status == 200, RECOVERY, "it does not recover")
    assert names(site) == ["before"]
