"""What `make bench` prints: how long builds, a saved edit, an index, a diagnosis and a wheel take; what a page weighs.

Seconds depend on the machine and what else it does, so they come as a median of several rounds with the range.
Bytes and requests do not; tests/test_site.py holds them to budgets.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    str(ROOT / folder) for folder in ("docs/.hooks", "examples/static-index/src", "examples/static-index/tests")
]

import static_index  # noqa: E402
from making import sdist, wheel  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from support import checks, html, wheelhouse  # noqa: E402
from support import site as builders  # noqa: E402
from test_browser import ARGUMENTS, NO_CHROMIUM, chromium, serve  # noqa: E402
from uv import find_uv_bin  # noqa: E402

ROUNDS = 5
FILES = 2000  # of the index that is built
PAGE = "packages/your-first-package"  # the page that is edited


def main() -> None:
    """Measure in a copy of the tree, and print one table."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tree = builders.copy(Path(folder) / "tree")
        out = Path(folder) / "mkdocs"
        cold = {
            "cold `mkdocs build`": timed_builds(builders.build_with_mkdocs, tree, out),
            "cold `zensical build`": timed_builds(builders.build_with_zensical, tree, Path(folder) / "zensical"),
        }
        with builders.live_server(tree) as server:
            edits = [seconds_until_live(server, tree / f"docs/{PAGE}.md") for _ in range(ROUNDS)]
        table([*((name, seconds(rounds)) for name, rounds in cold.items()), ("a saved edit is live", seconds(edits))])
        table(weights(out))
        table(requests(out))
        table(index(Path(folder)))
        table(doctor(Path(folder)))
        table(backends(Path(folder)))


def timed_builds(build, tree: Path, out: Path) -> list[float]:
    """Build from nothing, ROUNDS times; the last build stays."""
    rounds = []
    for _ in range(ROUNDS):
        for left in (out, tree / "site", tree / ".cache/templates"):
            shutil.rmtree(left, ignore_errors=True)
        started = time.perf_counter()
        build(tree, out)
        rounds.append(time.perf_counter() - started)
    return rounds


def seconds_until_live(server: builders.LiveServer, page: Path) -> float:
    """Add a sentence to a page, save it, and wait until the server sends it."""
    time.sleep(3)  # until the server is at rest
    sentence = f"Saved at {time.time_ns()}."
    text = page.read_text("utf-8")
    started = time.perf_counter()
    page.write_text(f"{text}\n{sentence}\n", "utf-8")
    server.wait_for(f"{PAGE}/", sentence)
    return time.perf_counter() - started


def weights(site: Path) -> list[tuple[str, str]]:
    """Say how many pages there are and what their HTML weighs."""
    pages = [checks.weight(document.file) for document in checks.written(site).values()]
    return [
        ("pages", str(len(pages))),
        (
            "HTML of a page, gzip",
            f"{kilobytes(statistics.median(pages))} ({kilobytes(min(pages))} to {kilobytes(max(pages))})",
        ),
    ]


def requests(site: Path) -> list[tuple[str, str]]:
    """Let a browser open every page as on a first visit, and count what it asks for."""
    executable = chromium()
    if executable is None:
        return [("requests of a page", f"not counted: {NO_CHROMIUM}")]
    counts, sizes = [], []
    with serve(site) as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        for name in checks.written(site):
            context = browser.new_context()
            page = context.new_page()
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(home + name.removesuffix("index.html"), wait_until="networkidle")
            context.close()
            files = [html.resolve(site, site / "index.html", url.removeprefix(home) or "./") for url in asked]
            counts.append(len(asked))
            sizes.append(sum(checks.weight(found[0]) for found in files if found))
        browser.close()
    return [
        ("requests of a page", f"{statistics.median(counts):.0f} ({min(counts)} to {max(counts)})"),
        (
            "a first visit, gzip",
            f"{kilobytes(statistics.median(sizes))} ({kilobytes(min(sizes))} to {kilobytes(max(sizes))})",
        ),
    ]


def index(folder: Path) -> list[tuple[str, str]]:
    """Index a folder of FILES wheels and sdists from nothing, then again with nothing to do."""
    files, out = folder / "dist", folder / "index"
    files.mkdir()
    for number in range(FILES):
        make = sdist if number % 4 == 0 else wheel
        make(files, f"project{number // 4}", f"1.{number % 4}")
    time.sleep(1)  # until the clock of the file system has moved on
    new, unchanged = [], []
    for _ in range(ROUNDS):
        shutil.rmtree(out, ignore_errors=True)
        for rounds in (new, unchanged):
            started = time.perf_counter()
            static_index.build(files, out)
            rounds.append(time.perf_counter() - started)
    return [(f"index {FILES:,} files", seconds(new)), ("index them unchanged", seconds(unchanged))]


def doctor(folder: Path) -> list[tuple[str, str]]:
    """Ask which-python about a module that no Python here has, which is when it looks everywhere."""
    command = [sys.executable, ROOT / "examples/which-python/src/which_python.py", "no_such_module"]
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        rounds.append(time.perf_counter() - started)
        assert done.returncode == 1, done.stderr
    return [("which-python", seconds(rounds))]


def backends(folder: Path) -> list[tuple[str, str]]:
    """Build one wheel with each backend of six-backends, turn by turn, as a ratio to hatchling in the same round.

    Measured is the processor's time of what a frontend starts for it, which other programs hardly disturb; the
    environment with the backends is there already.
    """
    example = ROOT / "examples/six-backends"
    written = {file.stem: file.read_text("utf-8") for file in sorted(example.glob("src/six_backends/backends/*.toml"))}
    tables = {name: tomllib.loads(text)["build-system"] for name, text in written.items()}
    venv, ratios = folder / "backends", {name: [] for name in tables}
    inside = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    found = {**os.environ, "PATH": f"{inside.parent}{os.pathsep}{os.environ['PATH']}"}  # where uv_build has its program
    requires = [requirement for table in tables.values() for requirement in table["requires"]]
    with wheelhouse.serve() as url:
        index = ("--quiet", "--no-config", "--default-index", url)
        subprocess.run([find_uv_bin(), "venv", "--quiet", "--no-config", venv], check=True)
        subprocess.run([find_uv_bin(), "pip", "install", *index, "--python", venv, *requires], check=True)
    for number in range(-1, ROUNDS):  # the first round is not counted: it fills caches
        times = {}
        for name in tables:
            copied = shutil.copytree(example / "project", folder / f"{name}{number}")
            project = (copied / "pyproject.toml").read_text("utf-8")
            (copied / "pyproject.toml").write_text(written[name] + project[project.index("[project]") :], "utf-8")
            (copied / "dist").mkdir()
            build = f"import {tables[name]['build-backend']} as b; b.build_wheel('dist')"
            started = processor_seconds()
            subprocess.run([inside, "-c", build], cwd=copied, env=found, check=True, capture_output=True)
            times[name] = processor_seconds() - started
        for name in tables if number >= 0 else ():
            ratios[name].append(times[name] / times["hatchling"])
    return [(f"a wheel by {name}", ratio(ratios[name])) for name in tables]


def processor_seconds() -> float:
    """Say what all programs that were started and have ended took of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ratio(rounds: list[float]) -> str:
    spread = f"{min(rounds):.2f} to {max(rounds):.2f}, {len(rounds)} rounds"
    return f"{statistics.median(rounds):.2f} of hatchling's time ({spread})"


def seconds(rounds: list[float]) -> str:
    return f"{statistics.median(rounds):.2f} s ({min(rounds):.2f} to {max(rounds):.2f}, {len(rounds)} rounds)"


def kilobytes(size: float) -> str:
    return f"{size / 1000:.1f} kB"


def table(rows: list[tuple[str, str]]) -> None:
    for name, value in rows:
        print(f"{name:<24} {value}", flush=True)


if __name__ == "__main__":
    main()
