"""The command, and real servers that it starts: two of them, quickly."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from canned import RESULTS
from server_lab import load, report, results

LAB = [sys.executable, "-c", "import sys; from server_lab.cli import main; sys.exit(main())"]
LIMIT = 180  # seconds for a run, on a busy machine
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the lab runs on Linux")
with_wrk = pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is missing: apt install wrk")


def lab(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LAB, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@linux
@with_wrk
def test_two_servers_are_measured(tmp_path: Path) -> None:
    done = lab("run", "--quick", "--servers=gunicorn-gthread,wsgiref", "--output=quick.json", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    steps = done.stderr.splitlines()
    assert steps[0] == "server-lab: [ 1/18] round 1 of 1, bare: gunicorn gthread"
    assert steps[-2:] == ["server-lab: [18/18] malformed requests: wsgiref", "server-lab: written: quick.json"]

    found = results.read(tmp_path / "quick.json")
    faults = {name: server.faults for name, server in found.servers.items()}
    assert list(faults) == ["gunicorn-gthread", "wsgiref"]
    assert [one.rate > 0 and one.errors == 0 for one in found.servers["wsgiref"].rounds["flask"]] == [True]
    assert found.servers["gunicorn-gthread"].rounds["bare"][0].worker > 1_000_000
    assert faults["gunicorn-gthread"].stopped == results.Stopped(answered=True, exit=0)
    assert faults["wsgiref"].stopped == results.Stopped(answered=False, exit=-signal.SIGTERM)
    assert (faults["gunicorn-gthread"].reloaded.done, faults["gunicorn-gthread"].reloaded.failed) == (3, 0)
    assert (faults["wsgiref"].reloaded, faults["wsgiref"].broken) == (None, None)
    assert (faults["gunicorn-gthread"].killed.back, faults["wsgiref"].killed.up) == (True, False)
    assert faults["wsgiref"].slow_clients.answered == 0
    assert "gunicorn gthread" in report.markdown(found)
    assert str(tmp_path) not in (tmp_path / "quick.json").read_text() + report.markdown(found)
    assert socket.gethostname() not in (tmp_path / "quick.json").read_text().replace('"', " ").split()


@linux
@with_wrk
def test_an_interrupt_leaves_no_server_and_no_file(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [*LAB, "run", "--servers", "granian", "--output", str(tmp_path / "results.json")]
    environment = os.environ | {"TMPDIR": str(scratch)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 30
    while not list(scratch.glob("*/server.log")) and time.monotonic() < limit:
        time.sleep(0.05)
    [folder] = scratch.iterdir()
    time.sleep(1)
    mark = f"PYTHONPATH={folder}".encode()
    assert _marked(mark)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert said.endswith("server-lab: stopped; every server is stopped, and nothing is written\n")
    limit = time.monotonic() + 5
    while _marked(mark) and time.monotonic() < limit:  # killed, and not yet gone
        time.sleep(0.05)
    assert _marked(mark) == []
    assert [list(scratch.iterdir()), [path.name for path in tmp_path.iterdir()]] == [[], ["scratch"]]


def _marked(mark: bytes) -> list[Path]:
    """Find the processes whose environment holds some text."""
    return [path for path in Path("/proc").glob("[0-9]*/environ") if mark in _bytes(path)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@linux
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--servers=apache"], "there is no server 'apache'; the servers are gunicorn-sync, "),
        (["--servers=granian,granian"], "a server is named twice: granian, granian"),
        (["--output=none/results.json"], "none/results.json: cannot be written; name a file in a folder that exists"),
        (["--output=."], ".: cannot be written; name a file in a folder that exists"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = lab("run", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"server-lab: {said}")
    assert done.stderr.count("\n") == 1


@linux
def test_wrk_that_is_missing_is_named(tmp_path: Path) -> None:
    done = lab("run", "--servers=wsgiref", folder=tmp_path, PATH=str(tmp_path))
    said = "server-lab: wrk is missing, which makes the load (Debian and Ubuntu: apt install wrk)\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_rounds_that_are_no_number_are_refused(tmp_path: Path) -> None:
    for rounds in ("0", "-1", "many", "101"):
        done = lab("run", f"--rounds={rounds}", folder=tmp_path)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            2,
            f"server-lab run: error: argument --rounds: '{rounds}': give a number from 1 to 100",
        )


@linux
def test_a_port_that_is_taken_stops_the_run_with_the_log_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    from server_lab import servers

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(servers, "free_port", lambda: port)
        with pytest.raises(servers.ServerError) as refused, servers.running(servers.SERVERS["wsgiref"]):
            pass
    said = str(refused.value).splitlines()
    assert said[0] == f"wsgiref did not answer on port {port} within 20 s, and ended with exit status 1:"
    assert said[-1] == "  OSError: [Errno 98] Address already in use"


@linux
def test_too_few_open_files_are_named() -> None:
    import resource

    from server_lab import faults

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this machine has no limit of open files")
    with pytest.raises(faults.FilesError) as refused:
        faults.allow_files(hard)
    assert str(refused.value) == (
        f"{hard + 500:,} open files are needed, and {hard:,} allowed (ulimit -Hn); raise the limit"
    )
    assert faults.files_allowed() == hard - 500


@linux
@pytest.mark.parametrize(("seconds", "connected"), [(0, 20), (20, 60)])
def test_idle_connections_are_opened_for_so_long(
    seconds: float, connected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server_lab import faults, servers

    monkeypatch.setattr(faults, "OPENING_LIMIT", seconds)
    monkeypatch.setattr(faults, "BATCH", 20)
    with servers.running(servers.SERVERS["flask-run"]) as started:
        found = faults.idle_connections(started, 60, patience=1)
    assert (found.number, found.connected) == (60, connected)


def test_the_report_is_printed_or_put_into_a_folder(tmp_path: Path) -> None:
    results.write(RESULTS, tmp_path / "results.json")
    printed = lab("report", "results.json", folder=tmp_path)
    assert (printed.returncode, printed.stdout, printed.stderr) == (0, report.markdown(RESULTS), "")
    put = lab("report", "results.json", "--output=report", folder=tmp_path)
    assert (put.returncode, put.stdout, put.stderr) == (0, "", "")
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "report").iterdir()}
    plots = {f"{name}.svg": plot for name, plot in report.plots(RESULTS).items()}
    assert written == {"report.md": report.markdown(RESULTS), **plots}


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    done = lab("report", "none.json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "server-lab: none.json: No such file or directory\n")


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello", load.Answer(200, b"Hello")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHel", load.Answer(None, b"Hel")),
        (b"HTTP/1.1 200 OK\r\nContent-Len", load.Answer(None)),
        (b"", load.Answer(None)),
        (b"HTTP/1.0 500 No\r\ncontent-length: 0\r\n\r\n", load.Answer(500)),
    ],
)
def test_an_answer_counts_when_it_is_whole(sent: bytes, answer: load.Answer) -> None:
    assert load._answer(sent) == answer
