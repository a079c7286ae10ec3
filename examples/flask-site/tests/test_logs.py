"""The log: one line of JSON for each request, by which its answer can be found, and no secret in it."""

import json
import logging
import re

import pytest
from conftest import AUTHORIZED, KEY, PACKAGE, submit
from flask.testing import FlaskClient
from flask_site.logs import JsonLines


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Return the lines of the log since the last time."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_request_is_a_line(client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    answer = client.get("/none?q=1")
    [line] = lines(capsys)
    assert line.pop("time").endswith("+00:00")
    assert line.pop("milliseconds") >= 0
    assert line == {
        "level": "INFO",
        "message": "request",
        "request_id": answer.headers["X-Request-ID"],
        "method": "GET",
        "path": "/none",
        "status": 404,
        "remote": "127.0.0.1",
    }


@pytest.mark.parametrize("given", ["a", "0af7651916cd43dd-8448eb211c80319c", "A_b.c-9", "a" * 64])
def test_the_id_that_a_proxy_gave_is_kept(client: FlaskClient, capsys: pytest.CaptureFixture[str], given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"], lines(capsys)[0]["request_id"]) == (given, given)


@pytest.mark.parametrize("given", ["", "a b", "é", '"', "a" * 65, "a\tb", "<b>"])
def test_another_id_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_each_request_has_an_id_of_its_own(client: FlaskClient) -> None:
    assert len({client.get("/healthz").headers["X-Request-ID"] for _ in range(3)}) == 3


def test_no_secret_is_in_it(client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    submit(client, "/packages/add", PACKAGE | {"summary": "a-private-summary"})
    cookie = client.get_cookie("session")
    assert cookie
    for header in (AUTHORIZED, {"Authorization": f"Basic {KEY}"}, {"Cookie": f"key={KEY}"}):
        client.post(f"/api/packages?key={KEY}", json={"name": KEY}, headers=header)
        client.get(f"/api/packages?q={KEY}%00", headers=header)
    written = capsys.readouterr().err
    assert len(written.splitlines()) == 8
    assert [secret for secret in (KEY, cookie.value, "a-private-summary") if secret in written] == []


def test_a_line_outside_of_a_request_has_no_id() -> None:
    record = logging.LogRecord("waitress", logging.WARNING, "", 0, "Task queue depth is %d", (1,), None)
    line = json.loads(JsonLines().format(record))
    assert line.keys() == {"time", "level", "message"}
    assert line["message"] == "Task queue depth is 1"
