"""What `make bench` prints: how long builds, a saved edit, an index, a diagnosis and a wheel take; what a page weighs.

Seconds depend on the machine and what else it does, so they come as a median of several rounds with the range.
Bytes and requests do not; tests/test_site.py holds them to budgets.

`.venv/bin/python tests/bench.py static-files` measures how fast static files are served, and nothing else, and writes
the data file from which a page has its table. `.venv/bin/python tests/bench.py server-lab` does so with the servers of
the example `server-lab`, in less than ten minutes on two quiet cores.
"""

import contextlib
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    str(ROOT / folder) for folder in ("docs/.hooks", "examples/static-index/src", "examples/static-index/tests")
]

import static_index  # noqa: E402
from guide import server_lab  # noqa: E402
from guide import static_files as static_files_data  # noqa: E402
from making import sdist, wheel  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from support import asking, checks, html, system, wheelhouse  # noqa: E402
from support import site as builders  # noqa: E402
from support.servers import ordinary_user  # noqa: E402
from support.workshop import Workshop  # noqa: E402
from test_browser import ARGUMENTS, NO_CHROMIUM, chromium, serve  # noqa: E402
from test_static_files import SERVERS, Site, running  # noqa: E402
from test_wsgi_or_asgi import MODULES, at_once, make_place  # noqa: E402
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
        table(static_files(Path(folder)))
        table(interfaces(Path(folder)))
        table(servers(Path(folder)))


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


CLIENTS = 4  # programs that ask a server at the same time, each over one connection
ASKING = 2.0  # seconds that they ask one server in one round


def static_files(folder: Path) -> list[tuple[str, str]]:
    """Say how fast three servers hand out one style sheet, or what is missing for it."""
    for reason in system.lacking(["nginx"]):
        return [("static files", f"not measured: {reason}")]
    servers = measure_static_files(folder)["servers"]
    return [
        (f"{name}, {what}", "{:.2f} of Flask's ({:.2f} to {:.2f})".format(*server[what]))
        for name, server in servers.items()
        for what in ("requests", "processor")
        if name != static_files_data.BASE
    ]


def measure_static_files(folder: Path) -> dict:
    """Let CLIENTS programs ask each server for the style sheet, turn by turn, as browsers do that have seen nothing.

    The clients share the processor with the server, and the fastest server waits for them; what a server took of the
    processor for one request does not depend on that.

    Returns:
        What `guide.static_files.read` gives.
    """
    place = folder / "static-files"
    place.mkdir()
    rounds = {what: {name: [] for name in SERVERS} for what in ("requests", "processor")}
    with wheelhouse.serve() as url, running(place, Workshop(folder / "workshop", url)) as site:
        for number in range(-1, ROUNDS):  # the first round is not counted: it fills caches
            asked, took = {}, {}
            for name in (*SERVERS[number % 3 :], *SERVERS[: number % 3]):  # each begins a round in its turn
                before = ticks(site.processes[name])
                asked[name] = answers(site.ports[name], site.style)
                took[name] = (ticks(site.processes[name]) - before) / asked[name]
            for name in SERVERS if number >= 0 else ():
                rounds["requests"][name].append(asked[name] / asked[static_files_data.BASE])
                rounds["processor"][name].append(took[name] / took[static_files_data.BASE])
        return {
            "date": datetime.now(UTC).date(),
            "machine": machine(),
            "rounds": ROUNDS,
            "bytes": len(site.ask("Flask", site.style)[2]),
            "wsgi": versions(site, "waitress {waitress} on Python {python}"),
            "servers": {
                name: {"program": program} | {what: spread(rounds[what][name]) for what in rounds}
                for name, program in programs(site).items()
            },
        }


def answers(port: int, path: str) -> int:
    """Let CLIENTS programs ask for a file at the same time, and say how often it came."""
    command = [sys.executable, asking.__file__, str(port), path, str(ASKING)]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)]
    try:
        return sum(int(client.communicate(timeout=5 * ASKING)[0]) for client in clients)
    finally:
        for client in clients:
            client.kill()


def ticks(process: int) -> int:
    """Say what a process and its children have taken of the processor, in clock ticks."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if process in (int(stat.parent.name), int(fields[1])):
            total += int(fields[11]) + int(fields[12])
    return total


def spread(rounds: list[float]) -> list[float]:
    return [statistics.median(rounds), min(rounds), max(rounds)]


def programs(site: Site) -> dict[str, str]:
    """Name the programs that were measured, in the order of the table."""
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    return {
        "nginx": said.split(": ")[1].strip().replace("/", " "),
        "WhiteNoise": versions(site, "WhiteNoise {whitenoise}"),
        "Flask": versions(site, "Flask {flask}"),
    }


def versions(site: Site, words: str) -> str:
    """Put the versions of what is installed for the servers into words."""
    ask = (
        "import importlib.metadata, platform, sys;"
        " found = {each.name.lower(): each.version for each in importlib.metadata.distributions()};"
        " print(sys.argv[1].format(python=platform.python_version(), **found))"
    )
    command = [site.folder / ".venv/bin/python", "-c", ask, words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> str:
    """Name the processor, as far as it says its name, and the system."""
    cores = len(os.sched_getaffinity(0))
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{cores} cores, {name}, {platform.system()}"


VISITORS = 20  # who ask a site at the same time


def interfaces(folder: Path) -> list[tuple[str, str]]:
    """Let VISITORS ask three sites for what waits for an upstream, and for what does not, turn by turn.

    A ratio is to FastAPI under uvicorn in the same round. The upstream answers all who wait after half a second.
    """
    sites = {
        "Flask, 4 threads": ("waitress", MODULES["Flask"], 4),
        f"Flask, {VISITORS} threads": ("waitress", MODULES["Flask"], VISITORS),
        "FastAPI": ("uvicorn", MODULES["FastAPI"], 0),
    }
    folder = folder / "interfaces"
    folder.mkdir()
    with wheelhouse.serve() as url, contextlib.ExitStack() as stack:
        place = make_place(folder, Workshop(folder / "workshop", url))
        stack.enter_context(place.serving("uvicorn", "upstream:app", place.upstream))
        ports = {
            site: stack.enter_context(place.serving(server, module, threads=threads))
            for site, (server, module, threads) in sites.items()
        }
        times = {(site, path): [] for path in ("/", "/quick") for site in sites}
        for number in range(-1, ROUNDS):  # the first round is not counted: it fills caches
            for (site, path), rounds in times.items():
                started = time.perf_counter()
                at_once(ports[site], path, VISITORS)
                if number >= 0:
                    rounds.append(time.perf_counter() - started)
    words = {"/": "slow", "/quick": "quick"}
    return [
        (
            f"{VISITORS} {words[path]}, {site}",
            ratio([one / base for one, base in zip(rounds, times["FastAPI", path], strict=True)], "FastAPI's"),
        )
        for (site, path), rounds in times.items()
        if site != "FastAPI"
    ]


def servers(folder: Path) -> list[tuple[str, str]]:
    """Let the example `server-lab` measure WSGI servers, or say what is missing for it."""
    for reason in system.lacking(["wrk"]):
        return [("WSGI servers", f"not measured: {reason}")]
    measure_servers(folder, folder / "server-lab.json")
    found = server_lab.results.read(folder / "server-lab.json")
    ratios = server_lab.results.ratios(found, "flask", "rate")
    return [
        (found.servers[name].title, f"{one.median:.2f} of gunicorn sync's requests ({one.least:.2f} to {one.most:.2f})")
        for name, one in ratios.items()
    ]


def measure_servers(folder: Path, output: Path) -> None:
    """Install the example and run it, as an ordinary user, since Apache does not work for root; its steps are shown."""
    with wheelhouse.serve() as url:
        workshop = Workshop(folder / "workshop", url)
        python = workshop.venv(folder / "server-lab", workshop.wheel("server-lab"))
        command = [*ordinary_user(), python.parent / "server-lab", "run", "--output", output]
        subprocess.run(command, env=workshop.environment, check=True)


def processor_seconds() -> float:
    """Say what all programs that were started and have ended took of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ratio(rounds: list[float], whose: str = "hatchling's") -> str:
    spread = f"{min(rounds):.2f} to {max(rounds):.2f}, {len(rounds)} rounds"
    return f"{statistics.median(rounds):.2f} of {whose} time ({spread})"


def seconds(rounds: list[float]) -> str:
    return f"{statistics.median(rounds):.2f} s ({min(rounds):.2f} to {max(rounds):.2f}, {len(rounds)} rounds)"


def kilobytes(size: float) -> str:
    return f"{size / 1000:.1f} kB"


def table(rows: list[tuple[str, str]]) -> None:
    for name, value in rows:
        print(f"{name:<24} {value}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["server-lab"]:
        with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
            measure_servers(Path(temporary), ROOT / server_lab.DATA)
        sys.exit()
    if sys.argv[1:] == ["static-files"]:
        with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
            data = static_files_data.write(measure_static_files(Path(temporary)))
        (ROOT / static_files_data.DATA).write_text(data, "utf-8")
    else:
        main()
