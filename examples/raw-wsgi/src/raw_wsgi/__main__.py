"""The command `raw-wsgi`: serve the site on this computer, to try it."""

import argparse
import logging
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from raw_wsgi import application


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection, so that one which sends nothing holds up no other."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds for a client to go on sending

    def log_message(self, format: str, *arguments: object) -> None:
        """Leave the log to the application."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("raw-wsgi", description="Serve the site on this computer, to try it.")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on (default: 8000; 0: a free one)")
    port = parser.parse_args(arguments).port
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        server = make_server("127.0.0.1", port, application, _Server, _Handler)
    except (OSError, OverflowError) as error:
        print(f"raw-wsgi: port {port}: {error}; choose another with --port", file=sys.stderr)
        return 1
    with server:
        print(f"Serving at http://127.0.0.1:{server.server_port}/ until Ctrl+C", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
