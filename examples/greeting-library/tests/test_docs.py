"""The documentation: every example in it runs, and gives what it shows."""

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = re.compile(r"^```pycon\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_the_examples_of_a_page_give_what_they_show(page: Path) -> None:
    source = "\n".join(EXAMPLES.findall(page.read_text(encoding="utf-8")))
    examples = doctest.DocTestParser().get_doctest(source, {}, page.name, str(page), 0)
    assert examples.examples
    report: list[str] = []
    doctest.DocTestRunner().run(examples, out=report.append)
    assert "".join(report) == ""
