"""What stands between the server and the application: to each, it looks like the other."""

import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("raw_wsgi")


# --8<-- [start:log]
def log_requests(application: WSGIApplication) -> WSGIApplication:
    """Log a line for each answer, when its last byte is with the server."""

    def logged(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        begun, size = "no answer", 0

        def start(status: str, *rest: Any) -> Any:
            nonlocal begun
            begun = status
            return start_response(status, *rest)

        body = application(environ, start)
        try:
            for part in body:
                size += len(part)
                yield part
        finally:
            close(body)
            asked = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}"  # of a client: %r escapes it
            log.info("%r %s %d", asked, begun[:3], size)

    return logged


# --8<-- [end:log]
# --8<-- [start:catch]
def catch_errors(application: WSGIApplication) -> WSGIApplication:
    """Answer 500 where the application fails, and write its traceback to the server's log.

    Where the headers have been sent, there is no other answer: `start_response` raises the error again, and the
    server ends the connection ([PEP 3333](https://peps.python.org/pep-3333/#error-handling)).
    """

    def caught(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        body: Any = ()
        try:
            body = application(environ, start_response)
            yield from body
        except Exception:
            traceback.print_exc(file=environ["wsgi.errors"])
            message = b"Internal Server Error\n"
            headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(message)))]
            start_response("500 Internal Server Error", headers, sys.exc_info())
            if environ["REQUEST_METHOD"] != "HEAD":
                yield message
        finally:
            close(body)

    return caught


# --8<-- [end:catch]


def close(body: Any) -> None:
    """Do what whoever takes a body has to do at its end, also if it ends early."""
    if hasattr(body, "close"):
        body.close()
