"""The command `dependency-confusion`."""

import argparse
import sys
from pathlib import Path

from dependency_confusion.indexes import make
from dependency_confusion.origins import Unusable, origins, strangers


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 1 for a stranger or a fault."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (Unusable, OSError) as error:
        print(f"dependency-confusion: {error}", file=sys.stderr)
        return 1


def _make(options: argparse.Namespace) -> int:
    make(options.folder)
    return 0


def _check(options: argparse.Namespace) -> int:
    found = origins(options.report)
    bad = strangers(found, options.private, options.index)
    for origin in found:
        print(f"{'STRANGER' if origin in bad else 'ok      '} {origin.name} {origin.version} {origin.url}")
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("dependency-confusion", description="An attack to try, and a check against it.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("make", help="write a private, a public and a merged index")
    command.add_argument("folder", type=Path, metavar="FOLDER", help="where the three folders go")
    command.set_defaults(run=_make)
    command = commands.add_parser("check", help="check where the packages of pip's report come from")
    command.add_argument("report", type=Path, metavar="REPORT", help="what pip install --dry-run --report wrote")
    command.add_argument("--private", required=True, metavar="PATTERN", help="the names that are yours, as 'team-*'")
    command.add_argument("--index", required=True, metavar="URL", help="what the addresses of your files begin with")
    command.set_defaults(run=_check)
    return parser


if __name__ == "__main__":
    sys.exit(main())
