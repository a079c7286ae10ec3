"""The own tests of flask-site, from its wheel, on SQLite and on PostgreSQL: how much of its code they reach.

tests/test_examples.py runs them on SQLite under every Python. Here is the whole, under the reference.
"""

import json
import shutil
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from guide import archive
from support.postgres import Cluster
from support.workshop import Workshop

WANTED = 95.0  # percent of lines and branches


@pytest.mark.full
def test_no_test_is_skipped_and_95_percent_is_reached(workshop: Workshop, postgres: Cluster, tmp_path: Path) -> None:
    example = archive.unpack("flask-site", tmp_path)
    shutil.rmtree(example / "src")
    groups = tomllib.loads((example / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    wheel = f"flask-site[postgresql] @ {workshop.wheel('flask-site').as_uri()}"
    python = workshop.venv(tmp_path / "venv", wheel, *groups["test"])
    reports = ["--junitxml=tests.xml", "--cov", "--cov-branch", "--cov-report=json:coverage.json", "--cov-report=term"]
    server = f"TEST_DATABASE_URL={postgres.database('suite')}"
    told = workshop.run("env", server, python, "-m", "pytest", "-ra", *reports, cwd=example)

    [suite] = ElementTree.parse(example / "tests.xml").getroot().iter("testsuite")
    assert {kind: suite.get(kind) for kind in ("skipped", "failures", "errors")} == dict.fromkeys(
        ("skipped", "failures", "errors"), "0"
    ), told
    names = [case.get("name") for case in suite.iter("testcase")]
    assert min(sum(kind in name for name in names) for kind in ("sqlite", "postgresql")) > 100
    coverage = json.loads((example / "coverage.json").read_text("utf-8"))
    totals = coverage["totals"]
    measured = Path(next(iter(coverage["files"])))
    assert (totals["num_branches"] > 100, "site-packages" in str(measured)) == (True, True)
    print(f"{len(names)} tests, {totals['percent_covered']:.1f} % of lines and branches\n{told}")
    assert totals["percent_covered"] >= WANTED, told
