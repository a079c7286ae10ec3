"""The tests' own PostgreSQL: it keeps what it acknowledged when it is killed, and leaves nothing behind."""

import contextlib
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support import postgres as module
from support import system
from support.postgres import Cluster, PostgresError, cluster

LIMIT = 20  # seconds for one program


def processes(server: Cluster) -> list[psutil.Process]:
    """Find the processes that work in the data of a server: not asked of the server, nor of what started it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(server.data):
                found.append(process)
    return found


def psql(server: Cluster, url: str, statement: str) -> subprocess.CompletedProcess:
    """Run a statement as an application would: by the address alone."""
    command = [server.programs / "psql", "--no-psqlrc", "-At", "-c", statement, url]
    environment = {"PATH": os.defpath, "PGCONNECT_TIMEOUT": "5"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT)


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Let another program have a port."""
    with socket.create_server(("127.0.0.1", port)):
        yield


@pytest.fixture
def url(postgres: Cluster) -> str:
    return postgres.database("one")


def test_it_is_what_the_tests_suppose(postgres: Cluster, url: str) -> None:
    names = "fsync full_page_writes synchronous_commit server_encoding lc_collate TimeZone listen_addresses".split()
    asked = ", ".join(f"current_setting('{name}')" for name in names)
    user = "(SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user)"
    done = psql(postgres, url, f"SELECT current_database(), current_user, {user}, {asked}")
    assert (done.stdout, done.stderr) == ("one|reader|f|on|on|on|UTF8|C|UTC|127.0.0.1\n", "")


def test_nobody_enters_without_the_password(postgres: Cluster, url: str) -> None:
    password = url.split(":")[2].split("@")[0]
    local = f"postgresql://reader@/one?host={postgres.sockets}&port={postgres.port}"
    for address in (url.replace(password, "guessed"), url.replace(f":{password}", ""), local):
        assert psql(postgres, address, "SELECT 1").returncode == 2
    assert postgres.sockets.stat().st_mode & 0o777 == 0o700


def test_a_database_is_made_empty_again_while_somebody_uses_it(postgres: Cluster, url: str) -> None:
    postgres.query("one", "CREATE TABLE kept ()")
    with socket.create_connection(("127.0.0.1", postgres.port)):
        assert postgres.database("one") == url
    assert postgres.query("one", "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == ["0"]


def test_what_was_acknowledged_is_there_after_a_kill(postgres: Cluster, url: str) -> None:
    before = processes(postgres)
    postgres.query("one", "CREATE TABLE kept (n int)")
    assert psql(postgres, url, "SELECT 1").returncode == 0
    with contextlib.closing(socket.create_connection(("127.0.0.1", postgres.port))) as client:
        postgres.query("one", "INSERT INTO kept SELECT generate_series(1, 1000)")
        postgres.kill()
        try:
            assert (len(before) > 1, processes(postgres), postgres.running()) == (True, [], False)
            assert psql(postgres, url, "SELECT 1").returncode == 2
            assert client.recv(1) == b""
        finally:
            postgres.start()
    assert postgres.url("one") == url
    assert postgres.query("one", "SELECT count(*), sum(n) FROM kept") == ["1000|500500"]
    assert "was not properly shut down; automatic recovery in progress" in postgres.said()


def test_a_frozen_server_takes_connections_and_does_not_answer(postgres: Cluster, url: str) -> None:
    with socket.create_connection(("127.0.0.1", postgres.port), timeout=0.3) as client:
        with postgres.frozen():
            client.sendall(bytes.fromhex("0000000804d2162f"))  # may this be encrypted?
            with pytest.raises(TimeoutError):
                client.recv(1)
        client.settimeout(LIMIT)
        assert client.recv(1) == b"N"
    assert psql(postgres, url, "SELECT 1").stdout == "1\n"


def test_a_faulty_statement_is_told_with_the_log(postgres: Cluster) -> None:
    with pytest.raises(PostgresError, match=r'psql ended with 1: ERROR: .*"nothing"(.|\n)+log of PostgreSQL'):
        postgres.query("postgres", "SELECT * FROM nothing")


@pytest.mark.usefixtures("url")
def test_a_port_that_another_program_takes_is_given_up(
    postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first start another one is tried; later the address is known, and the fault is told."""
    free = module.free_port()
    ports = itertools.chain([postgres.port], itertools.repeat(free))
    monkeypatch.setattr(module, "free_port", lambda: next(ports))
    with cluster(tmp_path) as server:
        assert server.port == free
        assert server.query("postgres", "SELECT 1") == ["1"]
        server.stop()
        assert processes(server) == []
        with listening(free), pytest.raises(PostgresError, match=r"no free port in 10 attempts(.|\n)+in use"):
            server.start()
        sockets = server.sockets
    assert (server.running(), processes(server), sockets.exists()) == (False, [], False)


def test_nothing_is_left_of_a_server_whose_start_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = []

    def fail(server: Cluster, *_: str) -> None:
        servers.append(server)
        assert len(processes(server)) > 1
        raise PostgresError("a made-up fault")

    monkeypatch.setattr(Cluster, "query", fail)
    with pytest.raises(PostgresError, match="a made-up fault"), cluster(tmp_path):
        pass
    assert [(processes(server), server.sockets.exists()) for server in servers] == [([], False)]


def test_a_setting_that_the_server_does_not_know_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.SETTINGS, "no_such_setting", "on")
    with pytest.raises(PostgresError, match=r"the server ended with 1(.|\n)+no_such_setting"), cluster(tmp_path):
        pass


@pytest.mark.parametrize("required", ["", "1"])
def test_a_missing_server_is_told(required: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "postgresql", lambda: None)
    monkeypatch.setenv("REQUIRE_SYSTEM", required)
    outcome = pytest.fail.Exception if required else pytest.skip.Exception
    with pytest.raises(outcome, match="apt install postgresql"), cluster(tmp_path):
        pass


def test_a_port_is_not_one_of_outgoing_connections() -> None:
    span = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(span.read_text().split()[0]) if span.exists() else 49152
    assert {module.free_port() for _ in range(20)} < set(range(1024, first))
