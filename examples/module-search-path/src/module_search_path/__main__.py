"""Print where Python finds each module named on the command line."""

import sys

from module_search_path.lookup import locate


def main(names: list[str]) -> int:
    """Print one line for each name; return the exit status."""
    if not names:
        print("name at least one module: python -m module_search_path json", file=sys.stderr)
        return 2
    status = 0
    for name in names:
        try:
            print(name, locate(name))
        except ModuleNotFoundError as error:
            print(error, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
