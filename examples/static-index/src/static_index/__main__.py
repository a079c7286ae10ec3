"""The command `static-index`."""

import argparse
import errno
import logging
import sys
from pathlib import Path

from static_index.read import Refused
from static_index.releases import read_releases
from static_index.server import make_server
from static_index.write import build


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 1 if something was refused."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (Refused, OSError) as error:
        for line in str(error).splitlines():
            print(f"static-index: {line}", file=sys.stderr)
        return 1
    return status


def _build(options: argparse.Namespace) -> int:
    releases = read_releases(options.releases) if options.releases else None
    found = build(options.files, options.out, releases)
    projects = {file.project for file in found}
    print(f"{options.out}: {_count(len(found), 'file')} of {_count(len(projects), 'project')}")
    return 0


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _serve(options: argparse.Namespace) -> int:
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        server = make_server(options.out, options.host, options.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Refused(f"port {options.port} is in use; choose another with --port") from error
    with server:
        print(f"Serving {options.out} at http://{options.host}:{server.server_port}/simple/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("static-index", description="A package index from a folder of files.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("build", help="write the index of a folder of wheels and sdists")
    command.add_argument("files", type=Path, metavar="FILES", help="the folder of wheels and sdists")
    command.add_argument("out", type=Path, metavar="OUT", help="the folder of the index")
    command.add_argument("--releases", type=Path, metavar="TOML", help="yanked files and upload times")
    command.set_defaults(run=_build)
    command = commands.add_parser("serve", help="serve an index on this computer")
    command.add_argument("out", type=Path, metavar="OUT", help="the folder of the index")
    command.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this computer)")
    command.add_argument("--port", type=int, default=8000, help="the port to listen on (default: 8000)")
    command.set_defaults(run=_serve)
    return parser


if __name__ == "__main__":
    sys.exit(main())
