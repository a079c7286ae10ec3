"""The server: Waitress, with limits, and an orderly stop."""

import signal
import socket
import threading
import time
from collections.abc import Callable

from flask import Flask
from waitress.server import BaseWSGIServer, create_server

DRAIN = 20  # seconds that requests in flight have after SIGTERM


# --8<-- [start:serve]
def serve(app: Flask, host: str, port: int, trusted_proxy: str | None, started: Callable[[int], None]) -> None:
    """Answer requests until SIGTERM or Ctrl+C, then finish those that have begun.

    Args:
        app: to be served.
        host: the address to listen on.
        port: to listen on; 0 for any that is free.
        trusted_proxy: the address of the proxy whose X-Forwarded-For and X-Forwarded-Proto count; no other's do.
        started: is called with the port, once it is open.

    Raises:
        OSError: nothing can listen there.
    """
    proxy = {"trusted_proxy": trusted_proxy, "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto"}
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        server = create_server(
            app,
            sockets=[listener],
            threads=8,
            channel_timeout=30,  # seconds that a connection may be silent
            max_request_header_size=32 * 1024,
            max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],  # what is less, the site refuses with a page
            ident=None,
            **(proxy if trusted_proxy else {}),
        )
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        started(listener.getsockname()[1])
        while not stop.is_set():
            _turn(server)
    _drain(server)


def _turn(server: BaseWSGIServer) -> None:
    server.asyncore.loop(timeout=0.2, map=server._map, count=1)


def _drain(server: BaseWSGIServer) -> None:
    """Take no new connection, close those without a request, and wait for the others."""
    server.del_channel()  # of the socket that listens, which is closed
    deadline = time.monotonic() + DRAIN
    while server.active_channels and time.monotonic() < deadline:
        for channel in server.active_channels.values():
            channel.will_close |= not (channel.requests or channel.request or channel.total_outbufs_len)
        _turn(server)
    server.task_dispatcher.shutdown()
    server.trigger.close()


# --8<-- [end:serve]
