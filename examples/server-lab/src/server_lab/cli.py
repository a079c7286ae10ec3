"""The command `server-lab`: run measures, report shows what a run found."""

import argparse
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from server_lab import report, results

INTERRUPTED = 130


def main() -> int:
    """Run the command.

    Returns:
        0; 2 where something is wrong with what was asked or found, with a message; 130 after Ctrl+C or SIGTERM.
    """
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return options.do(options)
    except KeyboardInterrupt:
        return _say("stopped; every server is stopped, and nothing is written") or INTERRUPTED
    except (results.ResultsError, OSError, RuntimeError) as error:
        return _say(str(error)) or 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="server-lab", description="Measure WSGI servers side by side.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="measure, and write the results")
    run.add_argument("--quick", action="store_true", help="one short round, which measures no times")
    run.add_argument("--servers", default="", metavar="A,B", help="only these, by their names")
    run.add_argument("--rounds", type=_rounds, default=None, help="how often each is measured (5)")
    run.add_argument("--output", type=Path, default=Path("results.json"), help="the file to write (results.json)")
    run.set_defaults(do=_run)
    show = commands.add_parser("report", help="write tables and plots from results")
    show.add_argument("results", type=Path, help="a file that `run` wrote")
    show.add_argument("--output", type=Path, default=None, help="a folder for report.md and plots, not the terminal")
    show.set_defaults(do=_report)
    return parser


def _rounds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number from 1 to 100")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    if not sys.platform.startswith("linux"):
        raise RuntimeError("the lab looks at processes through /proc: run it on Linux")
    from server_lab import measure, servers

    chosen = servers.choose([name for name in options.servers.split(",") if name])
    if not os.access(options.output.parent, os.W_OK) or options.output.is_dir():
        raise RuntimeError(f"{options.output}: cannot be written; name a file in a folder that exists")
    settings = measure.QUICK if options.quick else measure.FULL
    found = measure.run(chosen, replace(settings, rounds=options.rounds or settings.rounds), _say)
    results.write(found, options.output)
    _say(f"written: {options.output}")
    return 0


def _report(options: argparse.Namespace) -> int:
    found = results.read(options.results)
    if options.output is None:
        print(report.markdown(found), end="")
        return 0
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "report.md").write_text(report.markdown(found), "utf-8")
    for name, plot in report.plots(found).items():
        (options.output / f"{name}.svg").write_text(plot, "utf-8")
    return 0


def _say(line: str) -> None:
    print(f"server-lab: {line}", file=sys.stderr, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
