"""The command `six-backends`."""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from six_backends.built import BuildFailed, Built, build
from six_backends.copies import Refused, backends


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 1 if something was refused or did not build."""
    options = _parser().parse_args(arguments)
    chosen = options.backends or sorted(backends())
    written = toml if options.toml else text
    try:
        with ThreadPoolExecutor() as pool:
            made = pool.map(lambda backend: build(options.project, backend), chosen)
            for backend, built in zip(chosen, made, strict=True):
                print(written(backend, built), flush=True)
    except (Refused, BuildFailed, OSError, subprocess.SubprocessError) as error:
        print(f"six-backends: {error}", file=sys.stderr)
        return 1
    return 0


def text(backend: str, built: Built) -> str:
    """Say what a backend made, in lines for people."""
    return "\n".join(
        [
            f"{backend}: {built.generator}, metadata {built.metadata}, {' '.join(built.tags)}",
            f"  wheel lacks: {_list(built.wheel_lacks)}",
            f"  sdist lacks: {_list(built.sdist_lacks)}",
            f"  sdist adds: {_list(built.sdist_adds)}",
            f"  built from the sdist: {_same(built.from_sdist)} wheel",
            f"  built again: {_same(built.wheel_again)} wheel, {_same(built.sdist_again)} sdist",
            f"  left in the folder: {_list(built.left)}",
        ]
    )


def toml(backend: str, built: Built) -> str:
    """Say the same as a table of TOML, whose values are written like those of JSON."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in asdict(built).items()]
    return "\n".join([f"[{backend}]", *lines, ""])


def _list(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def _same(same: bool) -> str:
    return "the same" if same else "another"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("six-backends", description="Build a project with build backends, and compare.")
    parser.add_argument("project", type=Path, metavar="PROJECT", help="the folder of a project in src layout")
    parser.add_argument("backends", nargs="*", metavar="BACKEND", help="which backends (default: all)")
    parser.add_argument("--toml", action="store_true", help="print it as TOML")
    return parser


if __name__ == "__main__":
    sys.exit(main())
