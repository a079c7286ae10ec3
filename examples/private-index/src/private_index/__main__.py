"""The command `private-index`."""

import argparse
import getpass
import sys
from pathlib import Path

import waitress

from private_index.accounts import Refused, add_account
from private_index.server import make_app


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 1 if something was refused."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (Refused, OSError) as error:
        print(f"private-index: {error}", file=sys.stderr)
        return 1


def _add_account(options: argparse.Namespace) -> int:
    add_account(options.accounts, options.name, _password())
    print(f"{options.accounts}: {options.name} is in it")
    return 0


def _password() -> str:
    """Ask for the password, or take the first line of a file that is the input; an argument is for all to see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass()
    if getpass.getpass("Again: ") != password:
        raise Refused("the two differ; nothing is changed")
    return password


def _serve(options: argparse.Namespace) -> int:
    app = make_app(options.packages, options.accounts)
    server = waitress.create_server(app, host=options.host, port=options.port, ident=None)
    print(f"Serving {options.packages} at http://{options.host}:{server.effective_port}/simple/", flush=True)
    server.run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("private-index", description="A package index with accounts.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("add-account", help="add an account, or change its password")
    command.add_argument("name", metavar="NAME", help="the name of the account")
    command.set_defaults(run=_add_account)
    serve = commands.add_parser("serve", help="serve a folder of packages to those who have an account")
    serve.add_argument("packages", type=Path, metavar="PACKAGES", help="the folder of the packages")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this computer)")
    serve.add_argument("--port", type=int, default=8000, help="the port to listen on (default: 8000)")
    serve.set_defaults(run=_serve)
    for each in (command, serve):
        each.add_argument(
            "--accounts", type=Path, default=Path("accounts"), metavar="FILE", help="the accounts (default: accounts)"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
