"""The server: what it takes, and that it ends no request that has begun."""

import contextlib
import http.client
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from conftest import AUTHORIZED, PACKAGE
from flask import Flask
from flask_site.server import serve


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put the handlers of signals back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run(app: Flask, visit: Callable[[int], None], trusted_proxy: str | None = None) -> None:
    """Serve until a visitor, who is another thread, sends SIGTERM or is done."""
    faults: list[BaseException] = []
    threads = []

    def visitor(port: int) -> None:
        try:
            visit(port)
        except BaseException as error:
            faults.append(error)
        finally:
            signal.raise_signal(signal.SIGTERM)

    def started(port: int) -> None:
        threads.append(threading.Thread(target=visitor, args=[port], daemon=True))
        threads[0].start()

    serve(app, "127.0.0.1", 0, trusted_proxy, started)
    threads[0].join(timeout=10)
    if faults:
        raise faults[0]


@contextlib.contextmanager
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    """Connect to the server."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    yield link
    link.close()


# --8<-- [start:drain]
def test_a_request_in_flight_is_finished_after_sigterm(make: Callable[..., Flask]) -> None:
    body = json.dumps(PACKAGE).encode()

    def visit(port: int) -> None:
        with connection(port) as link, connection(port) as idle:
            idle.request("GET", "/healthz")
            assert idle.getresponse().read() == b"ok\n"
            link.putrequest("POST", "/api/packages")
            for name, value in {**AUTHORIZED, "Content-Type": "application/json", "Content-Length": len(body)}.items():
                link.putheader(name, value)
            link.endheaders(body[:10])
            idle.request("GET", "/healthz")
            assert idle.getresponse().read() == b"ok\n"  # by now the server has the first part of the other request
            signal.raise_signal(signal.SIGTERM)
            assert idle.sock.recv(1) == b""
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", port), timeout=10).close()
            link.send(body[10:])
            answer = link.getresponse()
            assert (answer.status, json.load(answer)["version"]) == (201, 1)

    app = make()
    run(app, visit)
    assert app.test_client().get("/api/packages").json["total"] == 1


# --8<-- [end:drain]


def test_what_is_malformed_or_too_large_is_refused(make: Callable[..., Flask]) -> None:
    app = make(max_body=1024)
    requests = {
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n": b"200",
        b"GET /healthz HTTP/1.1\r\n\r\n": b"400",
        b"GET /healthz HTTP/1.0\r\n\r\n": b"400",
        b"GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n": b"404",
        b"nonsense\r\n\r\n": b"400",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n": b"400",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 40_000 + b"\r\n\r\n": b"431",
        b"POST /import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n": b"413",
        b"POST /import HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n": b"400",
    }

    def visit(port: int) -> None:
        for request, status in requests.items():
            with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
                link.sendall(request)
                answer = link.recv(4096)
                assert answer.split(b" ")[1] == status, (request[:60], answer)
                assert b"\r\nServer:" not in answer
                assert b"Location: http://evil" not in answer
                assert b"Location: //" not in answer

    run(app, visit)


@pytest.mark.parametrize(("proxy", "secure"), [(None, False), ("127.0.0.1", True), ("192.0.2.1", False)])
def test_only_a_trusted_proxy_says_that_a_request_came_over_https(
    make: Callable[..., Flask], proxy: str | None, secure: bool
) -> None:
    def visit(port: int) -> None:
        with connection(port) as link:
            link.request("GET", "/healthz", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"})
            assert ("Strict-Transport-Security" in link.getresponse().headers) is secure

    run(make(), visit, proxy)
