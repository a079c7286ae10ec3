"""Options, fixtures and report lines of the whole test suite."""

from collections.abc import Iterator

import pytest
from support import wheelhouse


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-pages", action="store_true", help="rewrite the outputs that pages show")


@pytest.fixture
def update_pages(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--update-pages")


@pytest.fixture(scope="session")
def index_url() -> Iterator[str]:
    """The address on which pip finds the wheelhouse."""
    with wheelhouse.serve() as url:
        yield url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the blocks that print something else under a Python that is not the reference."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    differs = [value for r in reports for key, value in getattr(r, "user_properties", ()) if key == "differs"]
    if differs:
        terminalreporter.section("blocks that differ under this Python (commands and exit statuses agree)")
        for line in sorted(set(differs)):
            terminalreporter.line(line)
