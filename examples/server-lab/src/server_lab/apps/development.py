"""The servers of development: python -m server_lab.apps.development wsgiref|werkzeug MODULE PORT."""

import importlib
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from werkzeug.serving import run_simple


class Quiet(WSGIRequestHandler):
    """Does not write a line for each request, as no other server does here."""

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


def main() -> None:
    """Serve `app` of a module on a port of the loopback, for ever."""
    which, module, port = sys.argv[1:]
    app = importlib.import_module(module).app
    if which == "werkzeug":
        run_simple("127.0.0.1", int(port), app, threaded=True)  # as `flask run` does
    else:
        with make_server("127.0.0.1", int(port), app, handler_class=Quiet) as server:
            server.serve_forever()


if __name__ == "__main__":
    main()
