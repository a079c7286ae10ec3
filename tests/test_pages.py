"""Every page of the guide and every example's README, run from top to bottom in an empty sandbox."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from guide import ROOT, record
from guide.page import Page, PageError, pages, parse
from support import runner
from support.system import missing

SKIPPED_AT_MOST = 0.02  # of all fences
INSTALLS = re.compile(r"-m (venv|build)\b|pip3? (install|download|wheel)\b|\buvx? |\b(pipx|tox|nox)\b")
INSTALLS_AT_MOST = 5  # on a page that `make test` runs: each takes a second or two


def _name(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().removeprefix("docs/")


def _installs(page: Page) -> int:
    """Count the commands of a page that make an environment, build, or install."""
    consoles = [line for fence in page.fences if fence.language == "console" for line in fence.text]
    return sum(bool(INSTALLS.search(line)) for line in consoles if line.startswith("$ "))


def _marks(path: Path) -> list[pytest.MarkDecorator]:
    """Leave to `make test-all` what builds images or installs often, and what tests/test_deploy_*.py starts as well."""
    page = parse(path)
    started = path.parent.name.startswith(("deploy-", "server-lab"))
    slow = "docker" in page.needs or started or _installs(page) > INSTALLS_AT_MOST
    return [pytest.mark.full] if slow else []


@pytest.mark.parametrize("path", [pytest.param(path, id=_name(path), marks=_marks(path)) for path in pages()])
def test_the_page_does_what_it_shows(
    path: Path, index_url: str, update_pages: bool, record_property: Callable[[str, object], None]
) -> None:
    result, failure = None, ""
    try:
        result = runner.run(path, index_url, update=update_pages)
    except (PageError, runner.PageFailure) as error:
        failure = str(error)
    if result is None:
        pytest.fail(failure, pytrace=False)
    assert runner.tolerated_mutations(result) == []
    if result.updated:
        runner.rewrite(result)
        pytest.fail(f"rewrote {len(result.updated)} outputs of {_name(path)}: look at the change and run again")
    if whole := result.record():
        record.save(whole)
    for block in result.differing:
        record_property("differs", f"{block} (Python {result.python})")
    if result.missing:
        missing("; ".join(result.missing), result.page.needs)


def test_hardly_any_fence_is_skipped() -> None:
    fences = [fence for path in pages() for fence in parse(path).fences]
    skipped = [f"{fence.page}:{fence.line}: {fence.skip}" for fence in fences if fence.skip]
    print(*skipped, sep="\n")
    assert len(skipped) <= SKIPPED_AT_MOST * len(fences), skipped
