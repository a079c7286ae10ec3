"""What is wrong with a request, or around it: each is answered, and nothing of the inside is told."""

import json
from collections.abc import Callable

import pytest
from conftest import AUTHORIZED, PACKAGE, add, on_a_server, submit
from flask import Flask
from flask.testing import FlaskClient
from flask_site import database, store
from flask_site.headers import HEADERS
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

PATHS = [
    "/",
    "/packages/1",
    "/import",
    "/static/style.css",
    "/healthz",
    "/readyz",
    "/api/packages",
    "/none",
    "/api/none",
]
FORM = "application/x-www-form-urlencoded"


def is_problem(answer: TestResponse, status: int) -> bool:
    """Tell whether an answer is a problem in JSON."""
    kind = (answer.status_code, answer.content_type) == (status, "application/problem+json")
    return kind and answer.json.items() >= {"type": "about:blank", "status": status}.items()


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "a b", "", "[::1]"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_host_is_refused_on_every_route(client: FlaskClient, method: str, host: str) -> None:
    answers = [client.open(path, method=method, headers={"Host": host, **AUTHORIZED}) for path in PATHS]
    assert [answer.status_code for answer in answers] == [400] * len(PATHS)
    assert client.get("/api/packages").json["total"] == 0


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1"])
def test_our_hosts_are_answered_with_any_port(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_wrong_method_is_told_which_are_right(client: FlaskClient) -> None:
    answer = client.delete("/")
    assert (answer.status_code, sorted(answer.headers["Allow"].split(", "))) == (405, ["GET", "HEAD", "OPTIONS"])
    answer = client.patch("/api/packages/1")
    assert is_problem(answer, 405)
    assert sorted(answer.headers["Allow"].split(", ")) == ["DELETE", "GET", "HEAD", "OPTIONS", "PUT"]


@pytest.mark.parametrize("path", ["/none", "/packages/1", "/%ff", "/%00", "/packages/<script>"])
def test_an_unknown_page_is_answered_in_the_kind_that_is_wanted(client: FlaskClient, path: str) -> None:
    page = client.get(path)
    assert (page.status_code, page.content_type) == (404, "text/html; charset=utf-8")
    assert "<h1>Not Found</h1>" in page.text
    assert "<script" not in page.text
    assert is_problem(client.get(path, headers={"Accept": "application/json"}), 404)
    assert is_problem(client.get(f"/api{path}"), 404)


def test_a_slash_too_many_leads_to_the_page_of_this_site(client: FlaskClient) -> None:
    answer = client.get("/packages//1", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.location) == (308, "http://localhost/packages/1")


# --8<-- [start:limits]
def test_a_large_body_is_refused(client: FlaskClient) -> None:
    large = b"a" * (client.application.config["SETTINGS"].max_body + 1)
    answer = client.post("/api/packages", data=large, content_type="application/json", headers=AUTHORIZED)
    assert is_problem(answer, 413)
    for path in ("/packages/add", "/import"):
        for kind in (FORM, "multipart/form-data; boundary=b"):
            assert client.post(path, data=large, content_type=kind).status_code == 413


def test_large_fields_and_many_parts_are_refused(client: FlaskClient) -> None:
    assert submit(client, "/packages/add", PACKAGE | {"summary": "a" * 70_000}).status_code == 413
    parts = {f"part{number}": "a" for number in range(21)}
    answer = client.post("/packages/add", data=parts, content_type="multipart/form-data")
    assert answer.status_code == 413


# --8<-- [end:limits]


@pytest.mark.parametrize("path", ["/?q={}", "/?{}=1", "/api/packages?q={}"])
@pytest.mark.parametrize("raw", ["%ff", "%ed%a0%80", "\xff"])
def test_a_query_that_is_not_utf_8_is_refused(client: FlaskClient, path: str, raw: str) -> None:
    path, _, query = path.format(raw).partition("?")
    answer = client.get(path, environ_overrides={"QUERY_STRING": query})
    assert answer.status_code == 400
    assert "The text of this request is not UTF-8." in answer.text


@pytest.mark.parametrize("raw", [b"%ff", b"%ed%a0%80", b"\xff"])
def test_a_form_that_is_not_utf_8_is_refused(client: FlaskClient, raw: bytes) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = False
    try:
        fields = b"name=a&url=https://example.org&summary=" + raw
        assert client.post("/packages/add", data=fields, content_type=FORM).status_code == 400
        part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        parts = [(b"name", b"a"), (b"url", b"https://example.org"), (b"summary", raw if b"%" not in raw else b"\xff")]
        body = b"".join(part % pair for pair in parts) + b"--b--\r\n"
        answer = client.post("/packages/add", data=body, content_type="multipart/form-data; boundary=b")
        assert answer.status_code == 422
    finally:
        client.application.config["WTF_CSRF_ENABLED"] = True
    assert client.get("/api/packages").json["total"] == 0


# --8<-- [start:headers]
def test_every_answer_has_the_headers(client: FlaskClient) -> None:
    policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"
    for path in PATHS:
        headers = client.get(path, buffered=True).headers
        assert {name: headers.get(name) for name in (*HEADERS, "Strict-Transport-Security", "Server")} == {
            "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-cache" if path.startswith("/static") else "no-store",
            "Strict-Transport-Security": None,
            "Server": None,
        }


def test_over_https_a_browser_is_told_to_stay_there(client: FlaskClient) -> None:
    answer = client.get("/", base_url="https://localhost")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_cookie_is_for_this_site_and_no_script(make: Callable[..., Flask]) -> None:
    answer = make(secure_cookies=True).test_client().get("/packages/add", base_url="https://localhost")
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("session=")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
    assert answer.headers["Vary"] == "Cookie"


# --8<-- [end:headers]


def test_over_https_a_form_comes_from_our_own_page(client: FlaskClient) -> None:
    page = client.get("/packages/add", base_url="https://localhost")
    token = page.text.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    for referrer, status in (("https://evil.example/", 400), ("https://localhost/packages/add", 303)):
        data = PACKAGE | {"csrf_token": token}
        headers = {"Referer": referrer}
        answer = client.post("/packages/add", data=data, headers=headers, base_url="https://localhost")
        assert answer.status_code == status


# --8<-- [start:locked]
@pytest.fixture
def impatient(make: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Return who asks an application that waits for locks for a second."""
    monkeypatch.setattr(database, "WAIT", 1)
    return make().test_client()


def test_a_write_that_waits_for_too_long_is_refused_and_may_be_tried_again(
    impatient: FlaskClient, engine: Engine
) -> None:
    add(impatient)
    change = PACKAGE | {"summary": "Changed.", "version": 1}
    with engine.connect().execution_options(writes=True) as other, other.begin():
        other.execute(text("UPDATE packages SET version = version"))
        answer = impatient.put("/api/packages/1", json=change, headers=AUTHORIZED)
        assert is_problem(answer, 503)
        assert answer.headers["Retry-After"] == "5"
        assert impatient.get("/api/packages/1").json["version"] == 1  # who reads does not wait
    assert impatient.put("/api/packages/1", json=change, headers=AUTHORIZED).status_code == 200


# --8<-- [end:locked]


@on_a_server  # in SQLite, who writes has the lock from the start
def test_who_is_overtaken_between_reading_and_writing_is_refused(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client)
    original = store.get

    def overtaken(session: object, number: int) -> object:
        package = original(session, number)
        with engine.begin() as other:
            other.execute(text("UPDATE packages SET version = version + 1, summary = 'Theirs.'"))
        return package

    monkeypatch.setattr(store, "get", overtaken)
    change = PACKAGE | {"summary": "Mine.", "version": 1}
    assert is_problem(client.put("/api/packages/1", json=change, headers=AUTHORIZED), 409)
    monkeypatch.undo()
    assert client.get("/api/packages/1").json["summary"] == "Theirs."


@on_a_server
def test_connections_that_were_cut_while_nobody_asked_are_made_again(client: FlaskClient, engine: Engine) -> None:
    assert client.get("/readyz").status_code == 200
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = :name"
    with engine.begin() as other:
        other.execute(text(cut), {"name": engine.url.database})
    assert client.get("/").status_code == 200
    assert add(client)["version"] == 1


def cut_off(session: Session, engine: Engine) -> None:
    """End the connection of a session, as a server does that is stopped."""
    number = session.scalar(text("SELECT pg_backend_pid()"))
    with engine.begin() as other:
        other.execute(text("SELECT pg_terminate_backend(:number)"), {"number": number})


@on_a_server  # SQLite is in the process itself
def test_a_database_that_goes_away_after_it_was_read_takes_no_answer_away(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client)
    original = store.get

    def cut(session: Session, number: int) -> object:
        package = original(session, number)
        cut_off(session, engine)
        return package

    monkeypatch.setattr(store, "get", cut)
    assert client.get("/packages/1").status_code == 200
    assert client.application.extensions["engine"].pool.checkedout() == 0
    monkeypatch.undo()
    assert client.get("/packages/1").status_code == 200


@on_a_server
def test_a_database_that_goes_away_in_a_write_leaves_nothing_half_written(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = store.add

    def cut(session: Session, fields: object) -> object:
        added = original(session, fields)
        cut_off(session, engine)
        return added

    monkeypatch.setattr(store, "add", cut)
    assert is_problem(client.post("/api/packages", json=PACKAGE, headers=AUTHORIZED), 503)
    assert submit(client, "/packages/add", PACKAGE).status_code == 503
    monkeypatch.undo()
    assert client.get("/api/packages").json["total"] == 0
    assert add(client)["version"] == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("a secret"), 500), (OperationalError("a secret", {}, Exception("a secret")), 503)],
)
def test_an_error_inside_is_logged_and_not_told(
    make: Callable[..., Flask],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
) -> None:
    def broken(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(store, "search", broken)
    client = make().test_client()
    page = client.get("/")
    assert (page.status_code, page.content_type) == (status, "text/html; charset=utf-8")
    problem = client.get("/api/packages")
    assert is_problem(problem, status)
    assert "secret" not in page.text + problem.text
    assert "Traceback" not in page.text + problem.text
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == ["ERROR", "INFO"] * 2
    assert ("traceback" in lines[0]) is (status == 500)


def test_a_row_that_breaks_another_rule_of_the_database_is_an_error(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_site.fields.PackageFields.model_dump", lambda self: PACKAGE | {"summary": None})
    assert is_problem(client.post("/api/packages", json=PACKAGE, headers=AUTHORIZED), 500)
