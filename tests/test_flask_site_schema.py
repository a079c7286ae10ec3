"""The API of flask-site is as its OpenAPI document says: schemathesis makes requests from that, right and wrong ones.

It checks that no answer is a 5xx, that each status, kind and body is in the document, that wrong data is refused and
that a key is asked for where the document says so.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import system
from support.flask_site import KEY, LIMIT, Deployment
from support.workshop import Workshop

EXAMPLES = 25  # for each operation
CASES = 300  # that are to be tried at least
RUN = 4 * LIMIT  # seconds
# That a right request is accepted: a document tells the shape of a field, and not all of its rules.
LEFT_OUT = "positive_data_acceptance"

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def program(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    for reason in system.lacking(["schemathesis"]):
        system.missing(reason)
    folder = tmp_path_factory.mktemp("schemathesis")
    return workshop.venv(folder / "venv", "schemathesis").with_name("schemathesis")


@pytest.fixture
def site(flask_site: Path, tmp_path: Path) -> Iterator[Deployment]:
    """The application with some packages; the document names an id, and these have one."""
    site = Deployment(flask_site, tmp_path, LOG_LEVEL="ERROR")
    site.run("init-db")
    with site.serving():
        for number in range(5):
            assert site.add(f"package{number}").status == 201
        yield site


def run(program: Path, site: Deployment, document: str, *options: str) -> tuple[int, str]:
    """Try the API as a document describes it; give the exit status, and what was said."""
    command = [
        program,
        "run",
        document,
        "--url",
        f"http://127.0.0.1:{site.port}",
        "--no-color",
        "--continue-on-failure",
    ]
    command += ["--header", f"Authorization: Bearer {KEY}", "--exclude-checks", LEFT_OUT, "--warnings", "off"]
    command += ["--generation-deterministic", "--max-examples", str(EXAMPLES), "--request-timeout", "20", *options]
    place = {"cwd": site.folder, "env": {**site.environment, "COLUMNS": "200"}, "stdin": subprocess.DEVNULL}
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN, **place)
    return done.returncode, done.stdout + done.stderr


def test_the_api_is_as_its_document_says(program: Path, site: Deployment) -> None:
    status, said = run(program, site, f"http://127.0.0.1:{site.port}/api/openapi.json")
    assert status == 0, said
    assert "5 selected / 5 total" in said
    cases = int(re.search(r"(\d+) generated", said)[1])
    print(f"{cases} requests")
    assert cases >= CASES, said
    assert "Traceback" not in site.said()


def undocumented(document: dict) -> None:
    del document["paths"]["/api/packages"]["post"]["responses"]["422"]


def of_another_type(document: dict) -> None:
    document["components"]["schemas"]["PackageOut"]["properties"]["id"] = {"type": "string"}


def without_a_key(document: dict) -> None:
    document["paths"]["/api/packages"]["get"]["security"] = [{"key": []}]


LIES: dict[Callable[[dict], None], str] = {
    undocumented: "Undocumented status code",
    of_another_type: "Response violates schema",
    without_a_key: "API accepts requests without authentication",
}


def test_a_document_that_lies_is_found(program: Path, site: Deployment) -> None:
    document = site.ask("GET", "/api/openapi.json").json()
    for lie in LIES:
        lie(document)
    (site.folder / "openapi.json").write_text(json.dumps(document))
    status, said = run(program, site, "openapi.json", "--phases", "coverage", "--include-path", "/api/packages")
    assert status == 1, said
    assert [expected for expected in LIES.values() if expected not in said] == [], said
