"""The site, built by both builders from a copy of what it is made of."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from guide import ROOT, record
from guide.page import pages, parse

from support.sandbox import free_ports

# What the site is made of. The copy holds nothing else, so nothing else can be needed.
MADE_OF = ("mkdocs.yml", "docs", "examples", *record.LOCKS)
NOT_COPIED = ("downloads", ".generated", "stamps", "__pycache__", ".venv", "dist")
LIMIT = 120  # seconds for one build
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# As on a real server: below a path, with the links that the workflow's environment adds.
PREFIX = "/packaging/"
ADDRESS = f"https://guide.example{PREFIX}"
ENVIRONMENT = {
    "SITE_URL": ADDRESS,
    # A host that the theme asks for its stars, were it let (test_browser.py).
    "REPO_URL": "https://github.com/example/guide",
    "EDIT_URI": "edit/main/docs/",
    "NO_MKDOCS_2_WARNING": "1",
}


class BuildError(RuntimeError):
    """A build that failed; the message is what the builder printed."""


def copy(into: Path) -> Path:
    """Copy what the site is made of, with a record of a run for each page, so that each page has its stamp."""
    for pattern in MADE_OF:
        for source in sorted(ROOT.glob(pattern)):
            target = into / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_COPIED))
            else:
                shutil.copy2(source, target)
    _run([sys.executable, "docs/.hooks/prebuild.py"], into)  # some pages include what it writes
    for page in pages(into):
        record.save(made_up(page, into), into)
    return into


def made_up(path: Path, root: Path) -> record.Record:
    """Make a record as if the page had been run today."""
    page = parse(path, root)
    commands = sum(line.startswith("$ ") for fence in page.fences for line in fence.text)
    return record.Record(
        page=path.relative_to(root).as_posix(),
        fingerprint=record.fingerprint(page, "3.13.0", root),
        commands=commands,
        date="2026-11-20",
        python="3.13.0",
        pip="26.3",
    )


def build_with_mkdocs(tree: Path, out: Path) -> str:
    """Build with MkDocs, whose hook runs the pre-build step; return what it printed."""
    return _run([sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)], tree)


def build_with_zensical(tree: Path, out: Path) -> str:
    """Build with Zensical after the pre-build step, since it runs no hooks; return what it printed."""
    printed = _run([sys.executable, "docs/.hooks/prebuild.py"], tree)
    printed += _run([sys.executable, "-m", "zensical", "build", "--strict", "--clean"], tree)
    (tree / "site").rename(out)
    return printed


def tree_of(built: Path) -> Path:
    """Give the copy that a site of the fixture `build` was built from."""
    return built.parent.parent / "tree" / "built"


BUILDERS = {"mkdocs": build_with_mkdocs, "zensical": build_with_zensical}


@dataclass
class LiveServer:
    """A running `mkdocs serve`."""

    process: subprocess.Popen
    address: str  # of its home page
    log: Path  # what it prints

    def wait_for(self, page: str, text: str) -> str:
        """Ask for a page until it holds a text, and give the whole of it.

        Raises:
            BuildError: where it does not within LIMIT, or the server has ended.
        """
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.address + page, timeout=10) as answer:
                    if text in (content := answer.read().decode("utf-8")):
                        return content
            except OSError:  # not there yet, or cleared for the next build
                pass
            time.sleep(0.05)  # asking more often would slow down the build that is waited for
        raise BuildError(f"{page} does not hold {text!r}; the server said:\n{self.log.read_text('utf-8')}")


@contextmanager
def live_server(tree: Path) -> Iterator[LiveServer]:
    """Run `mkdocs serve` in a copy, as `make serve` does, on a free port, and stop it in the end."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    log = tree / ".cache/serve.log"
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", address]
    settings = {"cwd": tree, "env": os.environ | {"NO_MKDOCS_2_WARNING": "1"}, "stdin": subprocess.DEVNULL}
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, **settings)
    try:
        server = LiveServer(process, f"http://{address}/", log)
        server.wait_for("", "<h1")
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Build into a folder, once for all the workers of a run; the others wait for the one that began.

    Args:
        folder: shared by the workers, and new with every run.
        build: gets a folder to fill.

    Returns:
        The filled folder.

    Raises:
        BuildError: in every worker, where the build failed.
    """
    done, failed = folder / "done", folder / "failed"
    try:
        folder.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 3 * LIMIT
        while not (done.exists() or failed.exists()):
            if time.monotonic() > deadline:
                raise BuildError(f"another worker has not finished {folder}; look at its failure") from None
            time.sleep(0.1)
    else:
        try:
            build(folder / "built")
            done.touch()
        except BaseException as error:
            failed.write_text(str(error), "utf-8")
            raise
    if failed.exists():
        raise BuildError(failed.read_text("utf-8"))
    return folder / "built"


def _run(command: list[str], tree: Path) -> str:
    run = subprocess.run(
        command,
        cwd=tree,
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
    )
    printed = COLOUR.sub("", run.stdout)
    if run.returncode:
        # The builders' own tracebacks say nothing about the fault, except for their last line.
        said, _, traceback = printed.partition("Traceback (most recent call last):\n")
        last = traceback.rstrip().rpartition("\n")[2]
        raise BuildError(f"{' '.join(command[1:])} ended with {run.returncode}:\n{said}{last}")
    return printed
