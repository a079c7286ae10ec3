"""A server that needs nothing installed. What it does at its end, any server in its place has to do."""

import logging
import signal
import sys
import time
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from settings_app.app import make_app, notes
from settings_app.settings import Settings

log = logging.getLogger(__name__)


# --8<-- [start:serve]
def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or Ctrl+C, then end those that have begun, in bounded time."""
    notes(settings)  # where there is no database, there is no start
    server = _Server((settings.host, settings.port), _Handler)
    server.set_app(make_app(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: Thread(target=server.shutdown).start())
    log.info("listening on http://%s:%d/", *server.server_address)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    left = server.finish(time.monotonic() + settings.stop_seconds)
    log.info("stopped; requests cut off: %d", left)


# --8<-- [end:serve]


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request; one that hangs does not keep the process, since it is a daemon."""

    def __init__(self, *arguments: Any) -> None:
        self.threads: list[Thread] = []
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self.threads = [other for other in self.threads if other.is_alive()] + [thread]
        thread.start()

    def finish(self, end: float) -> int:
        """Wait for the threads until a time of `time.monotonic`, and return how many are left then."""
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
        return sum(thread.is_alive() for thread in self.threads)


class _Handler(WSGIRequestHandler):
    """Logs to standard output, and what a client sends on one line."""

    def log_message(self, format: str, *arguments: Any) -> None:
        log.info("%s", (format % arguments).encode("unicode_escape").decode())

    def get_stderr(self) -> TextIO:
        return sys.stdout
