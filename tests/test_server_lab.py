"""The data of the server lab that pages show: a whole run, of every server, and tables that say what it found."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from guide import ROOT, server_lab
from guide.page import SNIPPET
from support import system
from support.servers import ordinary_user
from support.workshop import Workshop

PAGES = [ROOT / "docs/deployment" / f"{name}.md" for name in ("choose-a-server", "measure-it")]


def included() -> set[str]:
    """The sections and plots of the lab that the pages show."""
    lines = [line for page in PAGES for line in page.read_text("utf-8").splitlines()]
    targets = [match["target"] for line in lines if (match := SNIPPET.match(line))]
    return {target for target in targets if target.startswith("server-lab")}


def test_the_data_are_of_a_whole_run() -> None:
    from server_lab.servers import SERVERS

    found = server_lab.read()
    assert not found.settings.quick
    assert (sorted(found.servers), found.left_out) == (sorted(SERVERS), {})
    counted = {len(rounds) for server in found.servers.values() for rounds in server.rounds.values()}
    assert counted == {found.settings.rounds}
    assert all(server.faults.idle.number == found.settings.idle for server in found.servers.values())


def test_the_data_name_no_machine() -> None:
    data = (ROOT / server_lab.DATA).read_text("utf-8")
    assert re.findall(r"/(?:root|home|tmp|work)\b|\"[\w.-]+\.(?:local|lan|internal)\"", data) == []


def test_pages_show_every_table_and_plot() -> None:
    found = server_lab.read()
    tables = {f"server-lab.md:{name}" for name in server_lab.report.sections(found)}
    assert included() == tables | set(server_lab.plots(found))


def test_every_table_names_every_server() -> None:
    found = server_lab.read()
    titles = [server.title for server in found.servers.values()]
    for name, text in server_lab.report.sections(found).items():
        rows = [line.split(" | ")[0].strip("| ") for line in text.splitlines()[2:] if line.startswith("|")]
        assert rows == ([] if name == "machine" else titles), name


@pytest.mark.parametrize("name", ["server-lab-speed.svg", "server-lab-memory.svg"])
def test_a_plot_has_a_bar_and_a_label_for_every_server(name: str) -> None:
    found = server_lab.read()
    root = ElementTree.fromstring(server_lab.plots(found)[name])
    texts = [element.text for element in root if element.tag.endswith("text")]
    assert texts[2::2] == [server.title for server in found.servers.values()]
    assert sum(element.tag.endswith("rect") for element in root) == len(found.servers)


# The project in an environment with nothing else: what a server needs must not come with what the tests need.

START = """
from server_lab.servers import SERVERS, running
for server in SERVERS.values():
    reason = server.lacks()
    if not reason:
        with running(server):
            pass
    print(server.name, reason or "answers")
"""


@pytest.fixture(scope="module")
def alone(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the project."""
    needs = ["wrk", "apache", "pyuwsgi"]
    for reason in system.lacking(needs):
        system.missing(reason, needs)
    return workshop.venv(tmp_path_factory.mktemp("alone") / "venv", workshop.wheel("server-lab"))


def test_the_project_alone_starts_every_server(alone: Path, workshop: Workshop, tmp_path: Path) -> None:
    from server_lab.servers import SERVERS

    said = workshop.run(*ordinary_user(), alone, "-c", START, cwd=tmp_path)
    assert said.splitlines() == [f"{name} answers" for name in SERVERS]


@pytest.mark.full
def test_the_project_alone_measures_every_server(alone: Path, workshop: Workshop, tmp_path: Path) -> None:
    from server_lab.servers import SERVERS

    output = tmp_path / "quick.json"
    workshop.run(*ordinary_user(), alone.with_name("server-lab"), "run", "--quick", "--output", output, cwd=tmp_path)
    found = server_lab.results.read(output)
    assert (list(found.servers), found.left_out) == (list(SERVERS), {})
    assert server_lab.plots(found) == {}
    written = server_lab.report.sections(found)
    assert {written[name] for name in ("speed", "latency", "memory", "wait")} == {server_lab.report.NO_TIMES}


# What the pages say of servers in their own words; the tables have the rest. A run that finds otherwise fails here.


@pytest.fixture(scope="module")
def faults() -> dict:
    return {name: server.faults for name, server in server_lab.read().servers.items()}


def test_the_recommended_server_loses_nothing(faults: dict) -> None:
    recommended = faults["gunicorn-gthread"]
    assert (recommended.stopped.answered, recommended.stopped.exit) == (True, 0)
    assert (recommended.reloaded.failed, recommended.reloaded.done) == (0, 3)
    assert recommended.killed.back


def test_the_recommended_server_has_two_weak_points(faults: dict) -> None:
    recommended = faults["gunicorn-gthread"]
    assert recommended.slow_clients.answered < recommended.slow_clients.asked
    assert recommended.broken.answered == 0


def test_a_fast_request_waits_where_one_request_is_answered_at_a_time() -> None:
    found = server_lab.read()
    waits = {
        name: one.median / found.settings.slow for name, one in server_lab.results.values(found, "bare", "wait").items()
    }
    assert {name for name, wait in waits.items() if wait > 0.7} == {"gunicorn-sync", "uwsgi", "wsgiref"}


def test_each_other_server_wins_where_the_page_says(faults: dict) -> None:
    assert server_lab.read().servers["waitress"].processes == 1
    assert (faults["waitress"].reloaded, faults["waitress"].killed.up) == (None, False)
    assert {status[0] for status in faults["mod-wsgi"].malformed.values()} <= {"4", "5", "c"}  # c: closed
    for name in ("mod-wsgi", "granian"):
        assert faults[name].slow_clients.answered == faults[name].slow_clients.asked
    assert {name for name, found in faults.items() if found.broken and found.broken.answered} == set()
    assert not faults["granian"].killed.up


@pytest.mark.parametrize("name", ["flask-run", "wsgiref"])
def test_a_development_server_drops_what_it_is_at_and_does_not_come_back(name: str, faults: dict) -> None:
    found = faults[name]
    assert (found.stopped.answered, found.reloaded, found.killed.up) == (False, None, False)


def test_the_development_servers_take_all_connections_or_one(faults: dict) -> None:
    assert faults["wsgiref"].idle.held == 1
    assert faults["wsgiref"].idle.answered == faults["wsgiref"].slow_clients.answered == 0
    assert max(faults, key=lambda name: faults[name].idle.held) == "flask-run"
    assert faults["flask-run"].idle.answered == faults["flask-run"].idle.asked


def test_the_pages_name_the_settings_of_the_run() -> None:
    settings = server_lab.read().settings
    assert (settings.patience, settings.connections) == (2, 16)
