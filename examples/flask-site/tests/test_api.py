"""The JSON API: what it answers, what it refuses, and who may write."""

import hashlib
from collections.abc import Callable

import pytest
from conftest import AUTHORIZED, KEY, PACKAGE, add
from flask import Flask
from flask.testing import FlaskClient


# --8<-- [start:add]
def test_a_package_is_added_shown_and_listed(client: FlaskClient) -> None:
    answer = client.post("/api/packages", json=PACKAGE, headers=AUTHORIZED)
    assert (answer.status_code, answer.location, answer.headers["ETag"]) == (201, "/api/packages/1", '"1"')
    times = {name: answer.json[name] for name in ("created", "updated")}
    assert answer.json == {"id": 1, **PACKAGE, "version": 1, **times}
    assert all(time.endswith("Z") for time in times.values())
    assert client.get("/api/packages/1").json == answer.json
    assert client.get("/api/packages").json == {"packages": [answer.json], "page": 1, "pages": 1, "total": 1}


# --8<-- [end:add]


def test_the_list_is_searched_and_has_pages(client: FlaskClient) -> None:
    for number in range(21):
        add(client, name=f"p{number:02}")
    found = client.get("/api/packages?q=P&page=2").json
    assert [package["name"] for package in found.pop("packages")] == ["p20"]
    assert found == {"page": 2, "pages": 2, "total": 21}
    assert client.get("/api/packages?q=none").json == {"packages": [], "page": 1, "pages": 1, "total": 0}
    assert client.get("/api/packages?page=3").status_code == 404


@pytest.mark.parametrize("query", ["page=0", "page=x", f"page={'9' * 5000}", "q=%00", "q=%FF", f"q={'a' * 101}"])
def test_a_wrong_query_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/packages?{query}")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


@pytest.mark.parametrize("header", [{}, {"If-Match": '"1"'}])
def test_a_package_is_changed_by_who_has_seen_it(client: FlaskClient, header: dict[str, str]) -> None:
    before = add(client)
    version = {} if header else {"version": 1}
    body = PACKAGE | {"summary": "Small."} | version
    answer = client.put("/api/packages/1", json=body, headers=AUTHORIZED | header)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert answer.json == before | {"summary": "Small.", "version": 2, "updated": answer.json["updated"]}
    assert answer.json["updated"] > before["updated"]
    assert client.get("/api/packages/1").json == answer.json


@pytest.mark.parametrize("seen", [{"version": 1}, {"If-Match": '"1"'}])
def test_a_lost_update_is_refused(client: FlaskClient, seen: dict[str, object]) -> None:
    add(client)
    first = PACKAGE | {"summary": "First.", "version": 1}
    assert client.put("/api/packages/1", json=first, headers=AUTHORIZED).status_code == 200
    header = {name: value for name, value in seen.items() if name == "If-Match"}
    second = PACKAGE | {"summary": "Second."} | ({} if header else seen)
    answer = client.put("/api/packages/1", json=second, headers=AUTHORIZED | header)
    assert answer.status_code == 409
    assert "Somebody else has changed" in answer.json["detail"]
    assert client.get("/api/packages/1").json["summary"] == "First."


@pytest.mark.parametrize(("header", "status"), [('"1"', 409), ('"3"', 409), ("*", 400), ('"2"', 200)])
def test_if_match_counts_beside_the_version_in_the_body(client: FlaskClient, header: str, status: int) -> None:
    add(client)
    for seen in (1, 2):
        body = PACKAGE | {"summary": f"After {seen}.", "version": seen}
        headers = AUTHORIZED | ({"If-Match": header} if seen == 2 else {})
        answer = client.put("/api/packages/1", json=body, headers=headers)
    assert answer.status_code == status
    assert client.get("/api/packages/1").json["version"] == (3 if status == 200 else 2)


@pytest.mark.parametrize(
    ("version", "status"), [(None, 422), (0, 422), (-1, 422), ("1", 422), (2**63, 422), (2**63 - 1, 409), (True, 422)]
)
def test_a_change_without_its_version_is_refused(client: FlaskClient, version: object, status: int) -> None:
    add(client)
    answer = client.put("/api/packages/1", json=PACKAGE | {"version": version}, headers=AUTHORIZED)
    assert answer.status_code == status
    assert client.get("/api/packages/1").json["version"] == 1


@pytest.mark.parametrize("header", ["*", "1", 'W/"1"', '"x"', '""', '"1", "2"', f'"{"9" * 19}"'])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_if_match_is_understood_or_refused(client: FlaskClient, method: str, header: str) -> None:
    add(client)
    answer = client.open("/api/packages/1", method=method, json=PACKAGE, headers=AUTHORIZED | {"If-Match": header})
    assert answer.status_code == 400
    assert "If-Match" in answer.json["detail"]
    assert client.get("/api/packages/1").json["version"] == 1


def test_a_package_is_deleted(client: FlaskClient) -> None:
    add(client)
    assert client.delete("/api/packages/1", headers=AUTHORIZED | {"If-Match": '"2"'}).status_code == 409
    answer = client.delete("/api/packages/1", headers=AUTHORIZED | {"If-Match": '"1"'})
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.delete("/api/packages/1", headers=AUTHORIZED).status_code == 404
    assert client.put("/api/packages/1", json=PACKAGE | {"version": 1}, headers=AUTHORIZED).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_name_is_there_once_whatever_the_case(client: FlaskClient, method: str) -> None:
    add(client)
    add(client, name="other")
    path = "/api/packages" if method == "POST" else "/api/packages/2"
    body = PACKAGE | {"name": "FLASK"} | ({"version": 1} if method == "PUT" else {})
    answer = client.open(path, method=method, json=body, headers=AUTHORIZED)
    assert answer.status_code == 409
    assert answer.json["detail"] == "There is a package of this name; change that one, or choose another name."
    assert [package["name"] for package in client.get("/api/packages").json["packages"]] == ["Flask", "other"]


# --8<-- [start:invalid]
@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"name": "<b>"}, ["name"]),
        ({"name": None}, ["name"]),
        ({"name": 5}, ["name"]),
        ({"name": ["a"]}, ["name"]),
        ({"summary": "", "url": "ftp://example.org"}, ["summary", "url"]),
        ({"summary": "a\x00b"}, ["summary"]),
        ({"unknown": 5}, ["unknown"]),
    ],
)
def test_a_wrong_field_is_named(client: FlaskClient, changes: dict[str, object], errors: list[str]) -> None:
    answer = client.post("/api/packages", json=PACKAGE | changes, headers=AUTHORIZED)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert sorted(answer.json["errors"]) == errors
    assert client.get("/api/packages").json["total"] == 0


# --8<-- [end:invalid]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"name": "a", "summary": "\\ud800", "url": "https://example.org"}', 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'"a"', 422),
        (b"null", 422),
        (b"9" * 5000, 400),
    ],
)
def test_a_body_that_is_no_object_is_refused(client: FlaskClient, body: bytes, status: int) -> None:
    answer = client.post("/api/packages", data=body, content_type="application/json", headers=AUTHORIZED)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/json5"])
def test_a_body_of_another_type_is_refused(client: FlaskClient, kind: str | None) -> None:
    answer = client.post("/api/packages", data=b"{}", content_type=kind, headers=AUTHORIZED)
    assert (answer.status_code, answer.content_type) == (415, "application/problem+json")


# --8<-- [start:keys]
@pytest.mark.parametrize(
    "header",
    [None, "", KEY, "Bearer", "Bearer ", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY.upper()}", "Bearer ä"],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/packages"), ("PUT", "/api/packages/1"), ("DELETE", "/api/packages/1")]
)
def test_a_write_without_a_key_is_refused(client: FlaskClient, method: str, path: str, header: str | None) -> None:
    add(client)
    headers = {} if header is None else {"Authorization": header}
    answer = client.open(path, method=method, json=PACKAGE | {"name": "other"}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/api/packages").json["total"] == 1
    assert client.get("/api/packages/1").json["version"] == 1


def test_a_digest_is_no_key(client: FlaskClient) -> None:
    [digest] = client.application.config["SETTINGS"].api_keys
    answer = client.post("/api/packages", json=PACKAGE, headers={"Authorization": f"Bearer {digest}"})
    assert answer.status_code == 401


def test_two_keys_are_valid_while_they_are_rotated(make: Callable[..., Flask]) -> None:
    old, new = (hashlib.sha256(key).hexdigest() for key in (b"old", b"new"))

    def statuses(*digests: str) -> list[int]:
        client = make(api_keys=digests).test_client()
        keys = [{"Authorization": f"bearer {key}"} for key in ("old", "new")]
        return [client.delete("/api/packages/1", headers=key).status_code for key in keys]

    assert [statuses(old), statuses(old, new), statuses(new), statuses()] == [
        [404, 401],
        [404, 404],
        [401, 404],
        [401, 401],
    ]


# --8<-- [end:keys]


def test_the_description_names_each_route_and_field(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").json
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    routes = {
        (method.lower(), rule.rule.replace("<id:number>", "{id}"))
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint != "api.openapi"
    }
    methods = {"get", "post", "put", "delete"}
    assert {(method, path) for path, item in document["paths"].items() for method in methods & item.keys()} == routes
    schemas = document["components"]["schemas"]
    assert schemas["PackageFields"]["properties"].keys() == PACKAGE.keys()
    assert schemas["PackageUpdate"]["properties"].keys() == {*PACKAGE, "version"}
    assert schemas["PackageOut"]["properties"].keys() == {"id", *PACKAGE, "version", "created", "updated"}
    references = [
        part.split('"')[0] for part in client.get("/api/openapi.json").text.split('"#/components/schemas/')[1:]
    ]
    assert set(references) <= schemas.keys()
