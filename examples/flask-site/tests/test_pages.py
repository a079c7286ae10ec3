"""The pages: list, search, add, edit, delete."""

import re
from collections.abc import Callable

import pytest
from conftest import AUTHORIZED, PACKAGE, add, hidden, submit
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

HOSTILE = "<script>alert('1')</script> \"; DROP TABLE packages; -- %s {{ 7 * 7 }} \u202e"


def names(client: FlaskClient, query: str = "") -> list[str]:
    """Return the names on a page of the list."""
    page = client.get(f"/{query}")
    assert page.status_code == 200
    return re.findall(r"<h2><a [^>]*>([^<]*)</a></h2>", page.text)


# --8<-- [start:add]
def test_a_package_is_added_by_the_form_and_shown(client: FlaskClient) -> None:
    answer = submit(client, "/packages/add", PACKAGE)
    assert (answer.status_code, answer.location) == (303, "/packages/1")
    page = client.get(answer.location)
    assert page.status_code == 200
    assert "Flask is added." in page.text
    assert [value for value in PACKAGE.values() if str(value) not in page.text] == []
    assert "Flask is added." not in client.get(answer.location).text


# --8<-- [end:add]


def test_the_list_is_empty_at_first(client: FlaskClient) -> None:
    page = client.get("/")
    assert "There is no package yet." in page.text
    assert "0 packages" in page.text


def test_the_list_is_sorted_whatever_the_case(client: FlaskClient) -> None:
    for name in ("Flask", "alembic", "Zope", "pytest"):
        add(client, name=name)
    assert names(client) == ["alembic", "Flask", "pytest", "Zope"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=FLA", ["Flask"]),
        ("?q=framework", ["Flask", "other"]),
        ("?q=+other+", ["other"]),
        ("?q=100%25", ["other"]),
        ("?q=_", []),
        ("?q=%25", ["other"]),
        ("?q=%27%20OR%201=1--", []),
        ("?q=", ["Flask", "other"]),
        ("?unknown=1", ["Flask", "other"]),
    ],
)
def test_a_search_looks_in_names_and_summaries(client: FlaskClient, query: str, found: list[str]) -> None:
    add(client, name="Flask", summary="A framework")
    add(client, name="other", summary="A FRAMEWORK that does 100%")
    assert names(client, query) == found


def test_a_search_without_a_match_says_so_and_repeats_the_text_escaped(client: FlaskClient) -> None:
    page = client.get("/", query_string={"q": HOSTILE})
    assert page.status_code == 200
    assert f"Nothing has “{escape(HOSTILE)}”" in page.text
    assert "<script" not in page.text


def test_long_lists_have_pages(client: FlaskClient) -> None:
    for number in range(41):
        add(client, name=f"p{number:02}")
    assert len(names(client)) == 20
    assert names(client, "?page=3") == ["p40"]
    middle = client.get("/?page=2&q=p").text
    assert 'rel="prev" href="/?q=p&amp;page=1"' in middle
    assert 'rel="next" href="/?q=p&amp;page=3"' in middle
    assert "Page 2 of 3" in middle
    assert client.get("/?page=4").status_code == 404


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e3", "", "%00", "1000000001", "9" * 5000])
def test_a_page_that_is_no_number_is_refused(client: FlaskClient, page: str) -> None:
    answer = client.get(f"/?page={page}")
    assert answer.status_code == 400
    assert "page: " in answer.text


@pytest.mark.parametrize("number", ["0", "-1", "01", "2", "x", "%D9%A1", "9" * 18, "9" * 19, "9" * 5000, "1%00"])
@pytest.mark.parametrize("path", ["/packages/{}", "/packages/{}/edit", "/packages/{}/delete", "/api/packages/{}"])
def test_an_unknown_package_is_not_found(client: FlaskClient, path: str, number: str) -> None:
    add(client)
    assert client.get(path.format(number)).status_code == 404


@pytest.mark.parametrize(
    ("fields", "field", "fault"),
    [
        ({"name": ""}, "name", "String should have at least 1 character"),
        ({"name": " "}, "name", "String should have at least 1 character"),
        ({"name": "a" * 81}, "name", "String should have at most 80 characters"),
        ({"name": "-a"}, "name", "Input should be ASCII letters, digits"),
        ({"name": "a b"}, "name", "Input should be ASCII letters, digits"),
        ({"name": "ä"}, "name", "Input should be ASCII letters, digits"),
        ({"summary": ""}, "summary", "String should have at least 1 character"),
        ({"summary": "a" * 201}, "summary", "String should have at most 200 characters"),
        ({"summary": "a\x00b"}, "summary", "Input should be one line of text without control characters"),
        ({"summary": "a\nb"}, "summary", "Input should be one line of text without control characters"),
        ({"summary": "\ufffd"}, "summary", "Input should be one line of text without control characters"),
        ({"url": "example.org"}, "url", "Input should be an address such as"),
        ({"url": "javascript:alert(1)"}, "url", "Input should be an address such as"),
        ({"url": "https://user:password@example.org"}, "url", "Input should be an address such as"),
        ({"url": "https://exa mple.org"}, "url", "Input should be an address such as"),
        ({"url": "https:example.org"}, "url", "Input should be an address such as"),
        ({"url": "https:/packages/1"}, "url", "Input should be an address such as"),
        ({"url": "https:\\\\example.org"}, "url", "Input should be an address such as"),
        ({"url": "https://example.org/" + "a" * 500}, "url", "String should have at most 500 characters"),
    ],
)
def test_a_wrong_field_is_named_at_the_field_and_above(
    client: FlaskClient, fields: dict[str, str], field: str, fault: str
) -> None:
    answer = submit(client, "/packages/add", PACKAGE | fields)
    assert answer.status_code == 422
    assert str(escape(fault)) in answer.text
    assert f'<li><a href="#{field}">' in answer.text
    assert f'<p class="fault" id="{field}-fault">' in answer.text
    assert f'aria-describedby="{field}-hint {field}-fault" aria-invalid="true" id="{field}"' in answer.text
    assert names(client) == []


def test_a_form_without_its_fields_is_refused(client: FlaskClient) -> None:
    answer = submit(client, "/packages/add")
    assert answer.status_code == 422
    assert answer.text.count('class="fault"') == 3


def test_hostile_text_is_kept_and_escaped(client: FlaskClient) -> None:
    answer = submit(client, "/packages/add", PACKAGE | {"summary": HOSTILE, "url": "https://example.org/?a=%22%3E&b='"})
    assert answer.status_code == 303
    for path in ("/", "/packages/1", "/packages/1/edit", "/packages/1/delete"):
        assert "<script" not in client.get(path).text
    assert client.get("/api/packages/1").json["summary"] == HOSTILE
    assert names(client) == ["Flask"]


@pytest.mark.parametrize("name", ["Flask", "FLASK", " flask "])
def test_a_name_is_there_once_whatever_the_case(client: FlaskClient, name: str) -> None:
    add(client)
    answer = submit(client, "/packages/add", PACKAGE | {"name": name})
    assert answer.status_code == 409
    assert "There is a package of this name; edit that one" in answer.text
    assert names(client) == ["Flask"]


def test_a_package_is_edited(client: FlaskClient) -> None:
    add(client)
    page = client.get("/packages/1/edit")
    assert f'value="{PACKAGE["summary"]}"' in page.text
    answer = submit(client, "/packages/1/edit", PACKAGE | {"summary": "Small."})
    assert (answer.status_code, answer.location) == (303, "/packages/1")
    assert client.get("/api/packages/1").json.items() >= {"summary": "Small.", "version": 2}.items()


def test_an_edit_that_is_wrong_changes_nothing(client: FlaskClient) -> None:
    add(client)
    assert submit(client, "/packages/1/edit", PACKAGE | {"url": "x"}).status_code == 422
    assert client.get("/api/packages/1").json["version"] == 1


def test_a_package_does_not_take_the_name_of_another(client: FlaskClient) -> None:
    add(client)
    add(client, name="other")
    answer = submit(client, "/packages/2/edit", PACKAGE | {"name": "FLASK"})
    assert answer.status_code == 409
    assert "choose another" in answer.text
    assert names(client) == ["Flask", "other"]


# --8<-- [start:stale]
def test_of_two_edits_at_once_the_second_is_refused_and_keeps_its_text(client: FlaskClient) -> None:
    add(client)
    first = hidden(client.get("/packages/1/edit"))
    assert submit(client, "/packages/1/edit", PACKAGE | {"summary": "Theirs."}).status_code == 303
    answer = client.post("/packages/1/edit", data={**first, **PACKAGE, "summary": "Mine."})
    assert answer.status_code == 409
    assert "<dd>Theirs.</dd>" in answer.text
    assert 'value="Mine."' in answer.text
    assert client.get("/api/packages/1").json["summary"] == "Theirs."
    again = client.post("/packages/1/edit", data={**hidden(answer), **PACKAGE, "summary": "Mine."})
    assert again.status_code == 303
    assert client.get("/api/packages/1").json["summary"] == "Mine."


# --8<-- [end:stale]


def test_an_edit_of_what_was_deleted_meanwhile_keeps_its_text_to_be_added_anew(client: FlaskClient) -> None:
    add(client)
    form = hidden(client.get("/packages/1/edit"))
    assert submit(client, "/packages/1/delete").status_code == 303
    answer = client.post("/packages/1/edit", data={**form, **PACKAGE, "summary": "Mine."})
    assert answer.status_code == 404
    assert "Somebody else has deleted this package meanwhile" in answer.text
    assert 'value="Mine."' in answer.text
    assert '<form method="post" action="/packages/add"' in answer.text
    assert names(client) == []
    again = client.post("/packages/add", data={**hidden(answer), **PACKAGE, "summary": "Mine."})
    assert again.status_code == 303
    assert client.get(f"/api{again.location}").json["summary"] == "Mine."


@pytest.mark.parametrize("version", ["", "-1", "x", "²", "9" * 18, "9" * 5000])
def test_a_version_that_is_none_changes_nothing(client: FlaskClient, version: str) -> None:
    add(client)
    for path in ("/packages/1/edit", "/packages/1/delete"):
        assert submit(client, path, PACKAGE | {"version": version}).status_code == 409
    assert client.get("/api/packages/1").json["version"] == 1


PATHS = ["/", "/packages/1", "/packages/add", "/packages/1/edit", "/packages/1/delete", "/import", "/api/packages/1"]


@pytest.mark.parametrize("path", PATHS)
def test_head_changes_nothing_and_answers_as_get(client: FlaskClient, path: str) -> None:
    package = add(client)
    shown, headers_only = client.get(path), client.head(path)
    assert (headers_only.status_code, headers_only.data) == (shown.status_code, b"") == (200, b"")
    assert client.get("/api/packages/1").json == package


def test_a_form_that_has_lost_its_version_changes_nothing(client: FlaskClient) -> None:
    add(client)
    for path in ("/packages/1/edit", "/packages/1/delete"):
        token = hidden(client.get(path))["csrf_token"]
        assert client.post(path, data=PACKAGE | {"csrf_token": token}).status_code == 409
    assert client.get("/api/packages/1").json["version"] == 1


def test_a_package_is_deleted_after_a_question(client: FlaskClient) -> None:
    add(client)
    assert "Delete Flask?" in client.get("/packages/1/delete").text
    assert names(client) == ["Flask"]
    answer = submit(client, "/packages/1/delete")
    assert (answer.status_code, answer.location) == (303, "/")
    page = client.get("/")
    assert "Flask is deleted." in page.text
    assert "There is no package yet." in page.text


def test_a_package_that_was_changed_meanwhile_is_not_deleted(client: FlaskClient) -> None:
    add(client)
    form = hidden(client.get("/packages/1/delete"))
    submit(client, "/packages/1/edit", PACKAGE | {"summary": "Still wanted."})
    answer = client.post("/packages/1/delete", data=form)
    assert answer.status_code == 409
    assert "Somebody else has changed this package meanwhile." in answer.text
    assert "Still wanted." in answer.text
    assert client.post("/packages/1/delete", data=hidden(answer)).status_code == 303


@pytest.mark.parametrize("path", ["/packages/add", "/packages/1/edit", "/packages/1/delete", "/import"])
@pytest.mark.parametrize("token", [None, "", "forged", "of another session"])
def test_a_form_of_another_site_is_refused(client: FlaskClient, path: str, token: str | None) -> None:
    add(client)
    client.get(path)
    fields = PACKAGE | {"version": "1"}
    if token == "of another session":
        token = hidden(client.application.test_client().get(path))["csrf_token"]
    answer = client.post(path, data=fields if token is None else {**fields, "csrf_token": token})
    assert answer.status_code == 400
    assert "Go back, reload the page and send it again." in answer.text
    assert client.get("/api/packages").json["total"] == 1
    assert client.get("/api/packages/1").json["version"] == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/packages/add", "/packages/1/edit", "/packages/1/delete", "/import"])
def test_read_only_pages_refuse_changes(make: Callable[..., Flask], path: str, method: str) -> None:
    app = make(read_only=True)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    add(client)
    answer = client.open(path, method=method, data=PACKAGE)
    assert answer.status_code == 403
    assert "read-only" in answer.text
    assert client.get("/api/packages").json["packages"][0]["version"] == 1


def test_read_only_pages_show_no_way_to_change(make: Callable[..., Flask]) -> None:
    client = make(read_only=True).test_client()
    empty = client.get("/").text
    add(client)
    pages = empty + client.get("/").text + client.get("/packages/1").text
    assert [path for path in ("/add", "/import", "/edit", "/delete") if path in pages] == []
    assert client.delete("/api/packages/1", headers=AUTHORIZED).status_code == 204
