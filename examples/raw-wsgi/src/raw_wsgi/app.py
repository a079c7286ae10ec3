"""The site: its pages, its routes, and the callable that a server calls."""

import json
import re
from collections.abc import Callable, Iterable
from html import escape
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from raw_wsgi import request
from raw_wsgi.middleware import catch_errors, log_requests
from raw_wsgi.request import Refused

LONGEST = 80  # characters of a name
FORM = '<form method="post" action="/hello"><label>Name <input name="name"></label> <button>Greet</button></form>'


class Answer(NamedTuple):
    """What a page function returns."""

    content_type: str
    text: str
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()


# --8<-- [start:pages]
def home(environ: WSGIEnvironment) -> Answer:
    """Show the form."""
    return page(f"<h1>Hello</h1>\n{FORM}")


def greet(environ: WSGIEnvironment, name: str) -> Answer:
    """Greet whom the path names."""
    return page(f"<p>Hello, {escape(name)}</p>")


def send(environ: WSGIEnvironment) -> Answer:
    """Lead from the form to the greeting; 303 says to get that page (RFC 9110, section 15.4.4)."""
    name = checked(request.form(environ).get("name", ""))
    location = ("Location", "/hello/" + quote(name, safe=""))
    return page("<p>See the greeting.</p>", HTTPStatus.SEE_OTHER, (location,))


def api(environ: WSGIEnvironment) -> Answer:
    """Greet whom the query names, as JSON."""
    name = checked(request.query(environ).get("name", ""))
    return as_json({"greeting": f"Hello, {name}"})


# --8<-- [end:pages]


def checked(name: str) -> str:
    """Return a name that may be greeted.

    Raises:
        Refused: it is empty or too long.
    """
    if not 1 <= len(name) <= LONGEST:
        raise Refused(HTTPStatus.BAD_REQUEST, f"name: expected 1 to {LONGEST} characters, got {len(name)}")
    return name


def page(inner: str, status: HTTPStatus = HTTPStatus.OK, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Give a page of HTML around its inner part."""
    text = f'<!DOCTYPE html>\n<html lang="en">\n<title>Hello</title>\n{inner}\n</html>\n'
    return Answer("text/html; charset=utf-8", text, status, headers)


def as_json(
    content: dict[str, str], status: HTTPStatus = HTTPStatus.OK, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """Give an answer for programs."""
    return Answer("application/json", json.dumps(content) + "\n", status, headers)


# --8<-- [start:routes]
ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", r"/", home),
    ("GET", r"/hello/(.+)", greet),
    ("POST", r"/hello", send),
    ("GET", r"/api/hello", api),
)


def route(method: str, path: str) -> tuple[Callable[..., Answer], tuple[str, ...]]:
    """Return the function for a path and a method, and what the path holds for it.

    Raises:
        Refused: 404, no page has that path; 405, with the methods that it has.
    """
    found = {
        known: (function, match.groups())
        for known, pattern, function in ROUTES
        if (match := re.fullmatch(pattern, path, re.DOTALL))
    }
    if "GET" in found:
        found["HEAD"] = found["GET"]
    if not found:
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
    if method not in found:
        allowed = ", ".join(sorted(found))
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"the methods here: {allowed}", ("Allow", allowed))
    return found[method]


# --8<-- [end:routes]
# --8<-- [start:site]
def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request, as a WSGI application does ([PEP 3333](https://peps.python.org/pep-3333/))."""
    try:
        function, held = route(environ["REQUEST_METHOD"], request.path(environ))
        answer = function(environ, *held)
    except Refused as refused:
        answer = error(environ, refused)
    body = answer.text.encode()
    headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(body))), *answer.headers]
    start_response(f"{answer.status.value} {answer.status.phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


# --8<-- [end:site]


def error(environ: WSGIEnvironment, refused: Refused) -> Answer:
    """Say what was refused, to a person or to a program."""
    if environ.get("PATH_INFO", "").startswith("/api/"):
        return as_json({"error": str(refused)}, refused.status, refused.headers)
    return page(f"<h1>{refused.status.phrase}</h1>\n<p>{escape(str(refused))}</p>", refused.status, refused.headers)


# --8<-- [start:application]
application = log_requests(catch_errors(site))
# --8<-- [end:application]
