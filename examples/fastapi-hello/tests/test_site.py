"""The greeting site. The same file tests it in raw-wsgi, flask-hello, django-hello and fastapi-hello."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest

# client(method, target, body=b"", content_type=FORM) gives the status, the headers and the body of the answer.
# The target is the path as a browser sends it, percent-encoded, with the query. The headers' names are in lower case.
Client = Callable[..., tuple[int, dict[str, str], bytes]]

FORM = "application/x-www-form-urlencoded"
HTML = "text/html; charset=utf-8"
LARGEST = 10_000  # bytes of a body
LONGEST = 80  # characters of a name
NAMES = {
    "plain": "Ada",
    "space": "Ada Lovelace",
    "UTF-8": "Zoë 你好 👋",
    "markup": "<script>alert('1')</script> & \"2\"",
    "percent": "100% of %41",
    "delimiters": "a?b=c&d#e;f+g",
    "slash": "AC/DC",
    "longest": "é" * LONGEST,
}
named = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text in each kind of them."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.inside = ""
        self.feed(body.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        self.texts[self.inside] = self.texts.get(self.inside, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def post(client: Client, **fields: str) -> tuple[int, dict[str, str], bytes]:
    return client("POST", "/hello", urlencode(fields).encode())


def test_the_first_page_has_a_form(client: Client) -> None:
    status, headers, body = client("GET", "/")
    assert (status, headers["content-type"], headers["content-length"]) == (200, HTML, str(len(body)))
    assert b"<h1>Hello</h1>" in body
    page = Page(body)
    [form] = page.all("form")
    assert (form["method"].lower(), form["action"]) == ("post", "/hello")
    assert [field["name"] for field in page.all("input") if "name" in field] == ["name"]


def test_a_greeting_is_one_paragraph(client: Client) -> None:
    status, headers, body = client("GET", "/hello/Ada")
    assert (status, headers["content-type"], headers["content-length"]) == (200, HTML, str(len(body)))
    assert b"<p>Hello, Ada</p>" in body


@named
def test_a_name_in_the_path_is_greeted(client: Client, name: str) -> None:
    status, _, body = client("GET", "/hello/" + quote(name, safe=""))
    page = Page(body)
    assert (status, page.texts["p"]) == (200, f"Hello, {name}")
    assert page.all("script") == []


@named
def test_the_form_leads_to_the_greeting(client: Client, name: str) -> None:
    status, headers, _ = post(client, name=name)
    location = headers["location"]
    assert (status, unquote(location)) == (303, f"/hello/{name}")
    assert location.isascii()
    assert location.isprintable()
    status, _, body = client("GET", location)
    assert (status, Page(body).texts["p"]) == (200, f"Hello, {name}")


def test_a_name_with_line_ends_adds_no_header(client: Client) -> None:
    name = "Ada\r\nSet-Cookie: a=b"
    status, headers, _ = post(client, name=name)
    assert (status, unquote(headers["location"])) == (303, f"/hello/{name}")
    assert headers["location"].isprintable()
    assert "set-cookie" not in headers


@pytest.mark.parametrize(
    ("fields", "length"),
    [({}, 0), ({"name": ""}, 0), ({"other": "Ada"}, 0), ({"name": "é" * (LONGEST + 1)}, LONGEST + 1)],
    ids=["no body", "empty", "another field", "too long"],
)
def test_a_name_that_does_not_fit_is_refused(client: Client, fields: dict[str, str], length: int) -> None:
    status, headers, body = post(client, **fields)
    assert (status, headers["content-type"]) == (400, HTML)
    assert f"name: expected 1 to 80 characters, got {length}" in body.decode()


def test_a_body_that_is_no_form_has_no_name(client: Client) -> None:
    status, _, body = client("POST", "/hello", b'{"name": "Ada"}', "application/json")
    assert status == 400
    assert b"name: expected 1 to 80 characters, got 0" in body


@pytest.mark.parametrize(("size", "status"), [(LARGEST, 303), (LARGEST + 1, 413), (LARGEST * 20, 413)])
def test_a_body_has_a_largest_size(client: Client, size: int, status: int) -> None:
    body = b"name=Ada&other="
    assert client("POST", "/hello", body + b"x" * (size - len(body)))[0] == status


@named
def test_the_api_greets(client: Client, name: str) -> None:
    status, headers, body = client("GET", "/api/hello?" + urlencode({"name": name}))
    assert (status, headers["content-type"], headers["content-length"]) == (200, "application/json", str(len(body)))
    assert json.loads(body) == {"greeting": f"Hello, {name}"}


@pytest.mark.parametrize(
    ("query", "length"),
    [("", 0), ("?", 0), ("?name", 0), ("?name=", 0), ("?other=Ada", 0), ("?name=" + "x" * (LONGEST + 1), LONGEST + 1)],
)
def test_the_api_says_what_is_wrong(client: Client, query: str, length: int) -> None:
    status, headers, body = client("GET", "/api/hello" + query)
    assert (status, headers["content-type"]) == (400, "application/json")
    assert json.loads(body) == {"error": f"name: expected 1 to 80 characters, got {length}"}


@pytest.mark.parametrize("path", ["/none", "/hello/", "/api", "/api/hello/", "/HELLO/Ada", "/favicon.ico"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_there_is_no_other_page(client: Client, method: str, path: str) -> None:
    assert client(method, path)[0] == 404


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("/", {"GET", "HEAD"}),
        ("/hello/Ada", {"GET", "HEAD"}),
        ("/api/hello?name=Ada", {"GET", "HEAD"}),
        ("/hello", {"POST"}),
    ],
)
def test_another_method_is_refused_with_those_allowed(client: Client, target: str, allowed: set[str]) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - allowed:
        status, headers, _ = client(method, target)
        assert status == 405
        assert {name.strip() for name in headers["allow"].split(",")} - {"OPTIONS"} == allowed


@pytest.mark.parametrize("target", ["/", "/hello/Zo%C3%AB", "/api/hello?name=Ada", "/api/hello", "/hello", "/none"])
def test_head_answers_as_get_without_a_body(client: Client, target: str) -> None:
    """A server need not take the body away (PEP 3333 does not ask it to), and waitress does not."""

    def kept(headers: dict[str, str]) -> dict[str, Any]:
        return {name: value for name, value in headers.items() if name != "date"}

    status, headers, _ = client("GET", target)
    head_status, head_headers, head_body = client("HEAD", target)
    assert (head_status, kept(head_headers), head_body) == (status, kept(headers), b"")
