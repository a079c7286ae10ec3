"""A client that calls the application as a server does, under the eyes of wsgiref.validate."""

import io
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

import pytest
from raw_wsgi import application

FORM = "application/x-www-form-urlencoded"


def make_environ(method: str, target: str, body: bytes = b"", content_type: str = FORM) -> dict[str, Any]:
    """Give what a server passes for a request."""
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def call(app: Callable, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Give the status, the headers by their names in lower case, and the body of an answer."""
    begun: list[Any] = []
    sent: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable:
        if exc_info and any(sent):  # as PEP 3333 asks: the headers have gone with the first bytes
            raise exc_info[1]
        begun[:] = [status, headers]
        return sent.append

    chunks = app(environ, start_response)
    try:
        for chunk in chunks:
            sent.append(chunk)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, body = int(begun[0][:3]), b"".join(sent)
    headers = {name.lower(): value for name, value in begun[1]}
    if environ["REQUEST_METHOD"] != "HEAD":
        assert headers.get("content-length") in (None, str(len(body)))
    return status, headers, body


@pytest.fixture
def client() -> Callable:
    return lambda *request: call(validator(application), make_environ(*request))
