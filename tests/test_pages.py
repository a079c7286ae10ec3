"""Every page of the guide and every example's README, run from top to bottom in an empty sandbox."""

from collections.abc import Callable
from pathlib import Path

import pytest
from guide import ROOT, record
from guide.page import PageError, pages, parse
from support import runner
from support.system import missing

SKIPPED_AT_MOST = 0.02  # of all fences


def _name(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().removeprefix("docs/")


def _marks(path: Path) -> list[pytest.MarkDecorator]:
    """Leave to `make test-all` what builds images, and the READMEs whose files tests/test_deploy_*.py start as well."""
    slow = "docker" in parse(path).needs or path.parent.name.startswith(("deploy-", "server-lab"))
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
