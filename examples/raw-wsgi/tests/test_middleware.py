"""What stands between the server and the application."""

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from wsgiref.validate import validator

import pytest
from conftest import call, make_environ
from raw_wsgi import application
from raw_wsgi.middleware import catch_errors, log_requests

PLAIN = [("Content-Type", "text/plain")]
FAULT = {"content-type": "text/plain", "content-length": "22"}


class Body:
    """Two parts, and a note of its end; with `fault`, it fails in place of the part with that number."""

    def __init__(self, fault: int | None = None) -> None:
        self.fault, self.closed = fault, 0

    def __iter__(self) -> Iterator[bytes]:
        for number, part in enumerate([b"one", b"two"]):
            if number == self.fault:
                raise RuntimeError("a fault")
            yield part

    def close(self) -> None:
        self.closed += 1


def streams(body: Body) -> Callable:
    def app(environ: dict, start_response: Callable) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        return body

    return app


def fails(environ: dict, start_response: Callable) -> Iterable[bytes]:
    raise RuntimeError("a fault")


def environ_with_log(method: str = "GET") -> tuple[dict, io.StringIO]:
    log = io.StringIO()
    return make_environ(method, "/") | {"wsgi.errors": log}, log


@pytest.mark.parametrize("app", [fails, streams(Body(fault=0))], ids=["before the answer", "before its first byte"])
def test_a_fault_before_the_headers_are_sent_is_answered(app: Callable) -> None:
    environ, log = environ_with_log()
    assert call(validator(catch_errors(app)), environ) == (500, FAULT, b"Internal Server Error\n")
    assert log.getvalue().splitlines()[-1] == "RuntimeError: a fault"


def test_a_fault_is_answered_to_head_without_a_body() -> None:
    environ, _ = environ_with_log("HEAD")
    assert call(catch_errors(fails), environ) == (500, FAULT, b"")


def test_a_fault_after_the_headers_were_sent_goes_to_the_server() -> None:
    body = Body(fault=1)
    environ, log = environ_with_log()
    with pytest.raises(RuntimeError, match="a fault"):
        call(log_requests(catch_errors(streams(body))), environ)
    assert log.getvalue().splitlines()[-1] == "RuntimeError: a fault"
    assert body.closed == 1


@pytest.mark.parametrize("wrap", [log_requests, catch_errors])
def test_a_body_is_closed_once(wrap: Callable) -> None:
    body = Body()
    assert call(validator(wrap(streams(body))), make_environ("GET", "/")) == (
        200,
        {"content-type": "text/plain"},
        b"onetwo",
    )
    assert body.closed == 1


@pytest.mark.parametrize("wrap", [log_requests, catch_errors])
def test_a_body_is_closed_when_the_client_goes_away(wrap: Callable) -> None:
    body = Body()
    chunks = wrap(streams(body))(make_environ("GET", "/"), lambda *begun: None)
    assert next(iter(chunks)) == b"one"
    chunks.close()
    assert body.closed == 1


@pytest.mark.parametrize(
    ("method", "target", "line"),
    [
        ("GET", "/hello/Ada", "'GET /hello/Ada' 200 80"),
        ("HEAD", "/hello/Ada", "'HEAD /hello/Ada' 200 0"),
        ("GET", "/none", "'GET /none' 404 110"),
        ("GET", "/hello/a%0AGET%20/%20200", "'GET /hello/a\\nGET / 200' 200 88"),
        ("\x1b[2J", "/none", r"'\x1b[2J /none' 404 110"),
    ],
)
def test_a_request_is_one_line_in_the_log(
    method: str, target: str, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "raw_wsgi")
    call(application, make_environ(method, target))
    assert caplog.messages == [line]


def test_the_log_has_the_size_of_the_whole_body(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "raw_wsgi")
    call(log_requests(streams(Body())), make_environ("GET", "/"))
    assert caplog.messages == ["'GET /' 200 6"]


def test_a_page_that_fails_is_answered_with_500(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raw_wsgi.app.ROUTES", [("GET", "/", lambda environ: 1 / 0)])
    environ, log = environ_with_log()
    assert call(application, environ) == (500, FAULT, b"Internal Server Error\n")
    assert log.getvalue().splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_a_fault_is_in_the_log_with_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "raw_wsgi")
    environ, _ = environ_with_log()
    call(log_requests(catch_errors(fails)), environ)
    assert caplog.messages == ["'GET /' 500 22"]
