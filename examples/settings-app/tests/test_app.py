"""What the application answers."""

import io
from pathlib import Path
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from settings_app import Settings, load, make_app
from settings_app.app import create

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Settings of a deployment with an empty database."""
    found = {"SETTINGS_APP_API_TOKEN": TOKEN, "SETTINGS_APP_DATABASE_URL": f"sqlite:///{tmp_path}/notes ?#%.db"}
    create(load(found))
    assert [path.name for path in tmp_path.iterdir()] == ["notes ?#%.db"]
    return found


def ask(settings: Settings, method: str, path: str = "/", body: str = "", token: str = TOKEN, **more: str) -> str:
    """Give the status and the text of an answer, through the check of PEP 3333 in the standard library."""
    request = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_HOST": "localhost:8000",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "CONTENT_LENGTH": str(len(body.encode())),
        "wsgi.input": io.BytesIO(body.encode() + b"next request"),
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        **more,
    }
    setup_testing_defaults(request)
    statuses = []
    answer = validator(make_app(settings))(request, lambda status, headers, exc_info=None: statuses.append(status))
    text = b"".join(answer).decode()
    answer.close()
    return f"{statuses[0]}: {text}"


def test_notes_are_kept_in_their_order(environ: dict[str, str]) -> None:
    settings = load(environ)
    assert ask(settings, "GET") == "200 OK: "
    assert ask(settings, "POST", body="first") == "201 Created: first\n"
    assert ask(settings, "POST", body="zweite: ü") == "201 Created: zweite: ü\n"
    assert ask(load(environ), "GET") == "200 OK: first\nzweite: ü\n"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"method": "GET", "HTTP_HOST": "evil.example"}, "400 Bad Request: no such host\n"),
        ({"method": "GET", "path": "/notes"}, "404 Not Found: there is only /\n"),
        ({"method": "DELETE"}, "405 Method Not Allowed: there are GET and POST\n"),
        (
            {"method": "POST", "body": "x", "token": "another"},
            "401 Unauthorized: send the header Authorization: Bearer TOKEN\n",
        ),
        (
            {"method": "POST", "body": "x", "token": "\xff"},
            "401 Unauthorized: send the header Authorization: Bearer TOKEN\n",
        ),
        ({"method": "POST"}, "400 Bad Request: send a note of 1 to 1000 bytes\n"),
        ({"method": "POST", "body": "x" * 1001}, "400 Bad Request: send a note of 1 to 1000 bytes\n"),
    ],
)
def test_what_is_refused_says_why(request_: dict[str, str], answer: str, environ: dict[str, str]) -> None:
    assert ask(load(environ), **request_) == answer
    assert ask(load(environ), "GET") == "200 OK: "


@pytest.mark.parametrize("size", ["x", "-1", "\xb2", "9" * 5000], ids=["word", "negative", "superscript", "huge"])
def test_a_length_that_is_none_is_refused(size: str, environ: dict[str, str]) -> None:
    """A client can send what PEP 3333 does not let a server pass on, and some servers pass it on."""
    request = {"REQUEST_METHOD": "POST", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}", "CONTENT_LENGTH": size}
    setup_testing_defaults(request)
    statuses = []
    answer = make_app(load(environ))(request, lambda status, headers: statuses.append(status))
    assert (statuses, answer) == (["400 Bad Request"], [b"send a note of 1 to 1000 bytes\n"])


def test_nothing_is_written_where_settings_say_so(environ: dict[str, str]) -> None:
    settings = load(environ | {"SETTINGS_APP_READ_ONLY": "true"})
    assert ask(settings, "POST", body="x") == "403 Forbidden: notes are only read for now\n"
    assert ask(settings, "GET") == "200 OK: "


def test_hosts_are_those_of_the_settings(environ: dict[str, str]) -> None:
    settings = load(environ | {"SETTINGS_APP_ALLOWED_HOSTS": "notes.example"})
    assert ask(settings, "GET") == "400 Bad Request: no such host\n"
    assert ask(settings, "GET", HTTP_HOST="notes.example") == "200 OK: "


def test_making_the_table_again_keeps_the_notes(environ: dict[str, str]) -> None:
    ask(load(environ), "POST", body="kept")
    create(load(environ))
    assert ask(load(environ), "GET") == "200 OK: kept\n"
