"""Whatever is sent to whichever address: an answer, never a 5xx, and the catalogue as sound as before."""

import json
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from conftest import AUTHORIZED, PACKAGE
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings

TYPES = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/csv", ""]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]

latin = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
numbers = st.one_of(st.integers().map(str), st.sampled_from(["0", "1", "2", "-1", "9" * 18, "9" * 19, "9" * 5000]))
roots, steps = st.sampled_from(["", "/api"]), st.sampled_from(["", "/edit", "/delete"])
paths = st.one_of(
    st.sampled_from(["/", "/packages/add", "/import", "/api/packages", "/api/openapi.json", "/healthz", "/readyz"]),
    st.builds("{}/packages/{}{}".format, roots, numbers, steps),
    st.builds("/static/{}".format, latin),
    st.builds("/{}".format, latin),
)
values = st.one_of(st.text(max_size=30), st.sampled_from([*PACKAGE.values(), "a\x00b", "\ud800", "<b>", "'; --"]))
keys = st.sampled_from([*PACKAGE, "version", "file", "csrf_token", "q", "page"])
fields = st.dictionaries(keys, st.one_of(values, st.integers(), st.none(), st.booleans(), st.lists(values)))
queries = st.one_of(latin, st.builds("{}={}".format, st.sampled_from(["q", "page"]), st.one_of(latin, numbers)))
FILE = ",".join(PACKAGE) + "\n" + ",".join(map(str, PACKAGE.values()))


def as_form(found: dict[str, object]) -> bytes:
    """Write the fields as a form does."""
    return "&".join(f"{name}={value}" for name, value in found.items()).encode("utf-8", "surrogatepass")


def as_parts(found: dict[str, object]) -> bytes:
    """Write the fields as a form with files does."""
    head = 'Content-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    file = '; filename="a.csv"'
    parts = [f"--b\r\n{head.format(name, file * (name == 'file'), value)}" for name, value in found.items()]
    return ("".join(parts) + "--b--\r\n").encode("utf-8", "surrogatepass")


bodies = st.one_of(
    st.binary(max_size=100),
    fields.map(lambda found: json.dumps(found).encode()),
    fields.map(as_form),
    fields.map(as_parts),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": st.one_of(latin, st.just(AUTHORIZED["Authorization"])),
        "If-Match": st.one_of(latin, numbers.map('"{}"'.format)),
        "Accept": latin,
        "Cookie": st.one_of(latin, latin.map("session={}".format)),
        "X-Request-ID": latin,
        "Host": st.one_of(latin, st.just("localhost:8000")),
        "Range": latin,
        "If-None-Match": latin,
        "Content-Length": st.sampled_from(["-1", "x", "9" * 30]),
    },
)


@pytest.fixture
def clients(make: Callable[..., Flask]) -> list[FlaskClient]:
    """Return who asks the site as it is, and who asks it without the check of forms, to get further."""
    guarded, open_ = make(log_level="ERROR"), make(log_level="ERROR")
    open_.config["WTF_CSRF_ENABLED"] = False
    return [guarded.test_client(), open_.test_client()]


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(METHODS), paths, queries, st.sampled_from(TYPES), bodies, headers)
@example("GET", "/packages/" + "9" * 18, "", "", b"", {})
@example("GET", "/", "q=%00", "", b"", {})
@example("GET", "/", "\xff", "", b"", {"Host": "evil.example"})
@example("POST", "/api/packages", "", TYPES[0], json.dumps(PACKAGE).encode(), AUTHORIZED)
@example("POST", "/packages/add", "", TYPES[1], as_form(PACKAGE), {})
@example("POST", "/packages/1/edit", "", TYPES[1], as_form(PACKAGE | {"version": 1}), {})
@example("POST", "/import", "", TYPES[2], as_parts({"file": FILE}), {})
def test_no_request_is_answered_with_a_fault_of_ours(
    clients: list[FlaskClient],
    method: str,
    path: str,
    query: str,
    kind: str,
    body: bytes,
    headers: dict[str, str],
) -> None:
    for client in clients:
        answer = client.open(
            "/",
            method=method,
            data=body,
            content_type=kind,
            headers=headers,
            environ_overrides={"PATH_INFO": path, "QUERY_STRING": query},
            buffered=True,
        )
        assert 200 <= answer.status_code < 500
        assert "Traceback" not in answer.text
    names = [package["name"].lower() for package in clients[0].get("/api/packages").json["packages"]]
    assert len(set(names)) == len(names)
