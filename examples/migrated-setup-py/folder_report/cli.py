"""The command folder-report."""

import argparse

from folder_report import __version__
from folder_report.report import lines


def main(arguments=None):
    """Print what fills a folder.

    Args:
        arguments: what was typed after the command; None takes them from the command line.
    """
    parser = argparse.ArgumentParser(prog="folder-report", description="Say what fills a folder.")
    parser.add_argument("folder", nargs="?", default=".", help="its path; without it, the current folder")
    parser.add_argument("--version", action="version", version="folder-report " + __version__)
    chosen = parser.parse_args(arguments)
    try:
        report = lines(chosen.folder)
    except ValueError as error:
        parser.error(str(error))
    for line in report:
        print(line)
