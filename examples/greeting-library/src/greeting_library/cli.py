"""The command `greeting`."""

import argparse
import sys
from collections.abc import Sequence

from greeting_library import GreetingError, __version__, greet, languages


# --8<-- [start:main]
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments after the command's name; those of the process if None.

    Returns:
        The exit status: 0, or 2 where the language or the name is wrong.

    Raises:
        SystemExit: with 2 where the command line is wrong, with 0 after `--help` and `--version`.
    """
    options = _parser().parse_args(argv)
    if options.list:
        print(*languages(), sep="\n")
        return 0
    try:
        print(greet(options.name, options.language))
    except (GreetingError, ValueError) as error:
        print(f"greeting: {error}", file=sys.stderr)
        return 2
    return 0


# --8<-- [end:main]


# --8<-- [start:parser]
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("greeting", description="Greet somebody in a language.")
    parser.add_argument("--version", action="version", version=f"greeting {__version__}")
    parser.add_argument("--language", metavar="CODE", default="en", help="the language (default: en)")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--list", action="store_true", help="list the languages instead")
    wanted.add_argument("name", metavar="NAME", nargs="?", help="who is greeted")
    return parser


# --8<-- [end:parser]
