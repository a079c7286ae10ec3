"""The data of the server lab that pages show: a whole run, of every server, and tables that say what it found."""

import re
from xml.etree import ElementTree

import pytest
from guide import ROOT, server_lab
from guide.page import SNIPPET

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


# What the page says of servers in its own words; the tables have the rest. A run that finds otherwise fails here.


def test_the_recommendation_rests_on_what_was_found() -> None:
    faults = {name: server.faults for name, server in server_lab.read().servers.items()}
    recommended = faults["gunicorn-gthread"]
    assert (recommended.stopped.answered, recommended.stopped.exit) == (True, 0)
    assert (recommended.reloaded.failed, recommended.reloaded.done) == (0, 3)
    assert recommended.killed.back
