"""A client that calls the application as a server does, under the eyes of wsgiref.validate."""

import io
import os
import sys
from collections.abc import Callable
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

import pytest

for name in [name for name in os.environ if name.startswith("DJANGO_")]:
    del os.environ[name]
os.environ["DJANGO_HELLO_SECRET_KEY"] = "only-for-the-tests-" * 3

from django_hello.wsgi import application  # noqa: E402

FORM = "application/x-www-form-urlencoded"


def call(
    method: str, target: str, body: bytes = b"", content_type: str = FORM, host: str = "localhost"
) -> tuple[int, dict[str, str], bytes]:
    """Give the status, the headers by their names in lower case, and the body of an answer."""
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": host,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    begun = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable:
        begun[:] = [status, headers]
        return begun.append  # write(), which nothing here uses

    chunks = validator(application)(environ, start_response)
    try:
        sent = b"".join(chunks)
    finally:
        chunks.close()
    status, headers = begun
    return int(status[:3]), {name.lower(): value for name, value in headers}, sent


@pytest.fixture
def client() -> Callable:
    return call
