"""The command `secret-rotation`."""

import argparse
import contextlib
import logging
import os
import re
import socketserver
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from secret_rotation.app import make_app
from secret_rotation.keys import Refused, add_key, read_keys, read_time, retire_key
from secret_rotation.live import KeyFile

# What argparse says, up to the value that it does not like: a key in the wrong place is not to be repeated.
WITHOUT_VALUES = re.compile(
    r"the following arguments are required: .+|unrecognized arguments|ambiguous option"
    r"|argument [\w-]+: (?:invalid choice|invalid \w+ value|expected \w+ arguments?)"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 if something was refused."""
    try:
        options = _parser().parse_args(arguments)
        return options.run(options)
    except Refused as fault:
        for line in str(fault).splitlines():
            print(f"secret-rotation: {line}", file=sys.stderr)
    except OSError as error:
        print(f"secret-rotation: {error.strerror}", file=sys.stderr)
    return 2


# --8<-- [start:where]
def _file(options: argparse.Namespace) -> tuple[Path, str]:
    """Say where the keys are, and what messages call that place: never its value, which may be a key by mistake."""
    if options.keys is not None:
        return Path(options.keys), "the file of --keys"
    if os.environ.get("API_KEYS_FILE"):
        return Path(os.environ["API_KEYS_FILE"]), "the file of API_KEYS_FILE (environment)"
    if os.environ.get("CREDENTIALS_DIRECTORY"):
        return Path(os.environ["CREDENTIALS_DIRECTORY"], "api-keys"), "api-keys in CREDENTIALS_DIRECTORY (environment)"
    state = "empty" if "API_KEYS_FILE" in os.environ else "not set"
    raise Refused(f"API_KEYS_FILE (environment): {state}; expected the path of the file of keys, or --keys FILE")


# --8<-- [end:where]


def _time(options: argparse.Namespace) -> datetime | None:
    try:
        return None if options.at is None else read_time(options.at)
    except Refused as fault:
        raise Refused(f"--at: {fault}") from None


def _add(options: argparse.Namespace) -> int:
    file, called = _file(options)
    add_key(file, options.name, Path(options.key_file), _time(options), called)
    print(f"added {options.name}; its key is in the new file only")
    return 0


def _retire(options: argparse.Namespace) -> int:
    file, called = _file(options)
    retire_key(file, options.name, _time(options) or datetime.now(UTC), called)
    print(f"retired {options.name}")
    return 0


def _list(options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    for key in read_keys(*_file(options)):
        until = f" until {key.expires:%Y-%m-%d %H:%M} UTC" if key.expires and key.is_valid(now) else ""
        print(f"{key.name} {'valid' if key.is_valid(now) else 'expired'}{until}")
    return 0


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the service says who asked, and an address may have a key in it by mistake."""


def _serve(options: argparse.Namespace) -> int:
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    app = make_app(KeyFile(*_file(options)))
    try:
        server = make_server("127.0.0.1", options.port, app, _Server, _Handler)
    except (OSError, OverflowError):
        raise Refused("--port: expected a port from 0 to 65535 that nothing else listens on") from None
    with server, contextlib.suppress(KeyboardInterrupt):
        print(f"Serving at http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments without repeating them."""
        known = WITHOUT_VALUES.match(message)
        self.exit(2, f"secret-rotation: {known[0] if known else 'wrong arguments'}; see secret-rotation --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("secret-rotation", description="A service whose keys are exchanged while it runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run, text in (
        (_add, "make a key that is valid beside the others"),
        (_retire, "let a key expire, now or later"),
        (_list, "say which keys there are"),
        (_serve, "answer those who have a key"),
    ):
        command = commands.add_parser(run.__name__[1:], help=text, description=text, allow_abbrev=False)
        command.set_defaults(run=run)
        command.add_argument("--keys", metavar="FILE", help="the file of keys (default: $API_KEYS_FILE)")
        if run in (_add, _retire):
            command.add_argument("name", metavar="NAME", help="the name of the key")
            command.add_argument("--at", metavar="TIME", help="when it expires: 2027-01-31T12:00:00Z")
        if run is _add:
            command.add_argument("key_file", metavar="KEYFILE", help="the new file that the key goes into")
        if run is _serve:
            command.add_argument("--port", type=int, default=8000, help="the port to listen on (default: 8000)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
