"""The same small site without a framework, with Flask, Django and FastAPI: one file of tests proves that it is."""

from pathlib import Path

import pytest
from guide import ROOT

FIRST = "raw-wsgi"
SITES = ["raw-wsgi", "flask-hello", "django-hello", "fastapi-hello"]


def file_of(site: str) -> Path:
    return ROOT / "examples" / site / "tests/test_site.py"


@pytest.mark.parametrize("site", SITES)
def test_each_site_is_tested_by_the_same_file(site: str) -> None:
    assert file_of(site).read_bytes() == file_of(FIRST).read_bytes(), f"copy it from examples/{FIRST}"


def test_no_other_example_has_a_copy() -> None:
    names = {path.parts[-3] for path in (ROOT / "examples").glob("*/tests/test_site.py")}
    assert names == set(SITES)
