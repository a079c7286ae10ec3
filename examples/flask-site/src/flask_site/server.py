"""The server: Waitress, with limits, and an orderly stop."""

import signal
import threading
import time
from collections.abc import Callable

from flask import Flask
from waitress.server import BaseWSGIServer, create_server
from waitress.wasyncore import dispatcher

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
    server = create_server(
        app,
        host=host,
        port=port,
        threads=8,
        channel_timeout=30,  # seconds that a connection may be silent
        max_request_header_size=32 * 1024,
        max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],  # the site refuses with a page what is less
        ident=None,
        clear_untrusted_proxy_headers=True,
        **(proxy if trusted_proxy else {}),
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    started(int(server.effective_port))
    while not stop.is_set():
        _turn(server)
    _drain(server)


def _turn(server: BaseWSGIServer) -> None:
    server.asyncore.loop(timeout=0.2, map=server._map, count=1)


def _drain(server: BaseWSGIServer) -> None:
    """Take no new connection, close those without a request, and wait for the others."""
    dispatcher.close(server)  # the socket that listens; server.close() would close what the threads talk through, too
    deadline = time.monotonic() + DRAIN
    while server.active_channels and time.monotonic() < deadline:
        for channel in server.active_channels.values():
            channel.will_close |= not (channel.requests or channel.request or channel.total_outbufs_len)
        _turn(server)
    server.task_dispatcher.shutdown()


# --8<-- [end:serve]
