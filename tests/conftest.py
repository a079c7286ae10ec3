"""Options, fixtures and report lines of the whole test suite."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import prebuild
import pytest
from support import site as builders
from support import wheelhouse
from support.postgres import Cluster, cluster
from support.workshop import Workshop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-pages", action="store_true", help="rewrite the outputs that pages show")


def pytest_configure(config: pytest.Config) -> None:
    """Write what is generated before any test: what a page includes belongs to the record of its run."""
    if not hasattr(config, "workerinput"):
        try:
            prebuild.generate()
        except prebuild.FAULTS:
            pass  # test_site.py and test_downloads.py report it, and all else can be tested without


@pytest.fixture
def update_pages(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--update-pages")


@pytest.fixture(scope="session")
def index_url() -> Iterator[str]:
    """The address on which pip finds the wheelhouse."""
    with wheelhouse.serve() as url:
        yield url


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, index_url: str) -> Workshop:
    """The one folder in which all workers of pytest-xdist build and install examples."""
    folder = tmp_path_factory.getbasetemp()
    return Workshop((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "examples", index_url)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL server, one for each worker of pytest-xdist; who kills it starts it again."""
    with cluster(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def flask_site(workshop: Workshop) -> Path:
    """The command of the example flask-site, installed from its wheel, once for all workers."""

    def install(folder: Path) -> None:
        folder.mkdir()
        workshop.venv(folder / "venv", f"flask-site[postgresql] @ {workshop.wheel('flask-site').as_uri()}")

    place = builders.once(workshop.folder / "flask-site", install) / "venv"
    return place / ("Scripts/flask-site.exe" if os.name == "nt" else "bin/flask-site")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str], Path]:
    """Build the site with "mkdocs" or "zensical", once for all workers, and give its folder."""
    run = tmp_path_factory.getbasetemp()
    run = run if worker_id == "master" else run.parent

    def build_with(builder: str) -> Path:
        tree = builders.once(run / "tree", builders.copy)
        return builders.once(run / builder, lambda out: builders.BUILDERS[builder](tree, out))

    return build_with


@pytest.fixture(scope="session")
def site(build: Callable[[str], Path]) -> Path:
    """The site as MkDocs builds it, in strict mode, for the address `support.site.ADDRESS`."""
    return build("mkdocs")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the blocks that print something else under a Python that is not the reference."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    differs = [value for r in reports for key, value in getattr(r, "user_properties", ()) if key == "differs"]
    if differs:
        terminalreporter.section("blocks that differ under this Python (commands and exit statuses agree)")
        for line in sorted(set(differs)):
            terminalreporter.line(line)
