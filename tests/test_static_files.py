"""What the pages about static files say of Flask, WhiteNoise and nginx: real programs, with the files of the page.

tests/bench.py measures the same three; its figures are in a data file, from which the page has its table.
"""

import contextlib
import functools
import http.client
import os
import re
import secrets
import shutil
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from guide import ROOT, static_files
from guide.page import parse
from playwright.sync_api import Page, sync_playwright
from support import system
from support.sandbox import free_ports
from support.servers import LIMIT, ordinary_user, serving
from support.workshop import Workshop
from test_browser import ARGUMENTS, NO_CHROMIUM, chromium

PAGE = ROOT / "docs/web/static-files-in-production.md"
PAGE_PORTS = {"Flask": 8000, "WhiteNoise": 8001, "nginx": 8002, "broken": 8003}
SERVERS = ("Flask", "WhiteNoise", "nginx")
CANARY = b"not for you"
GZIP = {"Accept-Encoding": "gzip"}

# In `make test` the page itself runs the same servers and compares what they answer.
full = pytest.mark.full
pytestmark = pytest.mark.skipif(os.name == "nt", reason="nginx and the signals that end servers are of Unix")


@dataclass(frozen=True)
class Site:
    """The servers of the page, all running, over the same files."""

    folder: Path  # what the page calls the example's folder
    ports: dict[str, int]
    processes: dict[str, int]  # the process of each, by its id

    @property
    def style(self) -> str:
        """The path of the style sheet under its hashed name, as all three serve it."""
        [found] = (self.folder / "web/public/static").glob("style.*.css")
        return f"/static/{found.name}"

    def ask(self, server: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send one request with exactly this path, and give status, headers in small letters, and body."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.ports[server], timeout=LIMIT)) as line:
            line._validate_path = lambda _: None  # a probe may be what a client would not send
            line.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = line.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@contextmanager
def running(folder: Path, workshop: Workshop) -> Iterator[Site]:
    """Install what the page installs, write its files, and run the three servers, and nginx with the page's faults.

    Args:
        folder: an empty folder, for all of it.
        workshop: where packages come from.
    """
    ports = dict(zip(PAGE_PORTS, free_ports(len(PAGE_PORTS)), strict=True))
    python = workshop.venv(folder / ".venv", workshop.wheel("flask-site"), "whitenoise")
    write_files_of_the_page(folder, ports)
    (folder / "web/public/.env").parent.mkdir(parents=True)
    (folder / "web/public/.env").write_bytes(CANARY)
    programs = python.parent
    workshop.run(programs / "flask-site", "collect-static", "web/public/static", cwd=folder)
    workshop.run(python, "-m", "whitenoise.compress", "--quiet", "web/public/static", cwd=folder)
    nginx = [*ordinary_user(), shutil.which("nginx") or "nginx", "-p", "web", "-g", "daemon off;", "-c"]
    commands = {
        "Flask": [programs / "flask-site", "serve", "--port", str(ports["Flask"])],
        "WhiteNoise": [programs / "waitress-serve", f"--listen=127.0.0.1:{ports['WhiteNoise']}", "with_whitenoise:app"],
        "nginx": [*nginx, "nginx.conf"],
        "broken": [*nginx, "broken.conf"],
    }
    environment = workshop.environment | {
        "FLASK_SITE_SECRET_KEY": secrets.token_urlsafe(32),
        "FLASK_SITE_DATABASE_URL": f"sqlite:///{folder / 'site.db'}",
    }
    with contextlib.ExitStack() as stack:
        processes = {}
        for server, command in commands.items():
            log = folder / f"{server}.log"
            processes[server] = stack.enter_context(serving(command, ports[server], folder, environment, log))
        yield Site(folder, ports, processes)


def write_files_of_the_page(folder: Path, ports: dict[str, int]) -> None:
    """Write each file that the page gives a title, with free ports for those of the page."""
    for fence in parse(PAGE).fences:
        if fence.title:
            text = "\n".join([*fence.text, ""])
            for server, port in PAGE_PORTS.items():
                text = text.replace(f":{port}", f":{ports[server]}")
            (folder / fence.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / fence.title).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> Iterator[Site]:
    for reason in system.lacking(["nginx"]):
        system.missing(reason)
    with running(tmp_path_factory.mktemp("static-files"), workshop) as servers:
        yield servers


# What comes with the hashed style sheet, and what a cache between server and browser has to know.


FOR_EVER = {
    "Flask": "public, max-age=31536000, immutable",
    "WhiteNoise": "max-age=315360000, public, immutable",
    "nginx": "public, max-age=31536000, immutable",
}


@full
@pytest.mark.parametrize("server", SERVERS)
def test_a_hashed_name_may_be_kept(site: Site, server: str) -> None:
    status, headers, body = site.ask(server, site.style)
    assert (status, headers["cache-control"]) == (200, FOR_EVER[server])
    assert body == (site.folder / f"web/public{site.style}").read_bytes()


@full
@pytest.mark.parametrize("server", SERVERS)
def test_a_missing_file_is_not_kept(site: Site, server: str) -> None:
    status, headers, _ = site.ask(server, "/static/style.000000000000.css")
    assert status == 404
    assert "immutable" not in headers.get("cache-control", "")


@full
@pytest.mark.parametrize("server", SERVERS)
def test_a_compressed_answer_says_that_others_get_another(site: Site, server: str) -> None:
    _, headers, body = site.ask(server, site.style, **GZIP)
    whole = len((site.folder / f"web/public{site.style}").read_bytes())
    compressed = headers.get("content-encoding") == "gzip"
    assert compressed == (server != "Flask")
    assert (len(body) < whole) == compressed
    if compressed:
        assert headers["vary"] == "Accept-Encoding"


@full
@pytest.mark.parametrize("server", SERVERS)
def test_who_has_the_file_gets_304_by_tag_and_by_date(site: Site, server: str) -> None:
    _, headers, _ = site.ask(server, site.style)
    for condition in ({"If_None_Match": headers["etag"]}, {"If_Modified_Since": headers["last-modified"]}):
        assert site.ask(server, site.style, **condition)[::2] == (304, b"")
    assert site.ask(server, site.style, If_None_Match='"another"')[0] == 200


@full
@pytest.mark.parametrize("server", SERVERS)
def test_a_part_of_a_file_is_sent(site: Site, server: str) -> None:
    whole = (site.folder / f"web/public{site.style}").read_bytes()
    status, headers, body = site.ask(server, site.style, Range="bytes=0-9")
    assert (status, headers["content-range"], body) == (206, f"bytes 0-9/{len(whole)}", whole[:10])


# Ways out of the folder. Each of them gets at the file in some server that is made without care: see below.

PROBES = [
    "/static/../.env",
    "/static/x/../../.env",
    "/static/./../.env",
    "/static//../.env",
    "/static/%2e%2e/.env",
    "/static/%2E%2E/.env",
    "/static/.%2e/.env",
    "/static/..%2f.env",
    "/static/%2e%2e%2f.env",
    "/static/%252e%252e/.env",
    "/static/..%252f.env",
    "/static/..\\.env",
    "/static/..%5c.env",
    "/static/%2e%2e%5c.env",
    "/static/..;/.env",
    "/static/..%00/.env",
    "/static/{folder}/.env",
    "/static/%2f{folder}/.env",
    "/static../.env",
    "/static%2e%2e/.env",
]


@full
@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("server", SERVERS)
def test_nothing_outside_the_folder_is_sent(site: Site, server: str, probe: str) -> None:
    path, told = probe.format(folder=site.folder / "web/public"), []
    for _ in range(3):  # a server may send to the same path without its double slashes
        status, headers, body = site.ask(server, path)
        told.append((status, path))
        assert CANARY not in body
        if status // 100 != 3:
            break
        path = headers["location"].removeprefix(f"http://127.0.0.1:{site.ports[server]}")
    assert 400 <= status < 500, told


@full
def test_the_location_without_a_slash_sends_what_is_beside_the_folder(site: Site) -> None:
    assert site.ask("broken", "/static../.env")[::2] == (200, CANARY)


CARELESS: list[Callable[[str], str]] = [
    lambda path: path,
    urllib.parse.unquote,
    lambda path: urllib.parse.unquote(urllib.parse.unquote(path)),
    lambda path: urllib.parse.unquote(path).replace("\\", "/"),
    lambda path: path.replace(";", ""),
    lambda path: urllib.parse.unquote(path).replace("\0", ""),
]


@pytest.mark.parametrize("probe", PROBES)
def test_each_probe_gets_out_of_a_server_without_care(tmp_path: Path, probe: str) -> None:
    static = tmp_path / "static"
    (static / "x").mkdir(parents=True)
    (tmp_path / ".env").write_bytes(CANARY)
    path = probe.format(folder=tmp_path).removeprefix("/static")
    reached = set()
    for careless in CARELESS:
        below = careless(path)
        for place in (f"{static}{below}", f"{static}/{below}", os.path.join(static, below.removeprefix("/"))):
            with contextlib.suppress(OSError, ValueError):
                reached.add(Path(place).read_bytes())
    assert CANARY in reached


# What a browser makes of it.


@pytest.fixture(scope="module")
def browser() -> Iterator[Callable[[], contextlib.AbstractContextManager[Page]]]:
    """Give what opens a page in a Chromium that has seen nothing yet."""
    executable = chromium()
    if executable is None:
        system.missing(NO_CHROMIUM)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield lambda: contextlib.closing(started.new_page())
        started.close()


# Chromium keeps the sheet that it refused, and lets nobody read its rules.
APPLIED = "() => { try { return document.styleSheets[0].cssRules.length > 0 } catch { return false } }"


@full
def test_a_style_sheet_of_another_type_is_refused(site: Site, browser: Callable) -> None:
    page_says = re.search(r"^> (Refused to apply style.*)$", PAGE.read_text("utf-8"), re.MULTILINE)[1]
    with browser() as page:
        said = []
        page.on("console", lambda message: said.append(message.text))
        for server in ("nginx", "broken"):
            base = f"http://127.0.0.1:{site.ports[server]}"
            page.route(f"{base}/page", lambda route: route.fulfill(body=styled(site.style), content_type="text/html"))
            page.goto(f"{base}/page")
            said.append(page.evaluate(APPLIED))
    broken = f"127.0.0.1:{site.ports['broken']}{site.style}"
    applied, message, applied_of_broken = said
    assert (applied, applied_of_broken) == (True, False)
    assert message.replace(broken, "127.0.0.1:8003/static/STYLE") == page_says


def styled(address: str) -> str:
    return f'<!doctype html><link rel="stylesheet" href="{address}"><link rel="icon" href="data:,">'


class Shop(BaseHTTPRequestHandler):
    """A site with a style sheet that may be kept for a year; a path of two parts names its release."""

    colour = "rgb(0, 128, 0)"
    hashed = False

    def do_GET(self) -> None:
        name = f"/style.{self.colour[-2]}.css" if self.hashed else "/style.css"
        page = self.path == "/"
        body = styled(name) + "<p>" if page else f"p {{ color: {self.colour} }}"
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if page else "text/css")
        self.send_header("Cache-Control", "no-cache" if page else "public, max-age=31536000")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@full
@pytest.mark.parametrize(("hashed", "after"), [(False, "rgb(0, 128, 0)"), (True, "rgb(128, 0, 1)")])
def test_a_browser_keeps_the_old_style_unless_its_name_changes(browser: Callable, hashed: bool, after: str) -> None:
    handler = type("Release", (Shop,), {"hashed": hashed})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, browser() as page:
        threading.Thread(target=functools.partial(server.serve_forever, 0.01), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        seen = []
        for colour in ("rgb(0, 128, 0)", "rgb(128, 0, 1)"):
            handler.colour = colour
            page.goto("about:blank")
            page.goto(address)
            seen.append(page.evaluate("getComputedStyle(document.querySelector('p')).color"))
        server.shutdown()
    assert seen == ["rgb(0, 128, 0)", after]


# The figures.

MEASURED = {
    "date": date(2026, 11, 2),
    "machine": "2 cores, some processor, Linux",
    "rounds": 5,
    "bytes": 7780,
    "wsgi": "server 4",
    "servers": {
        "nginx": {"program": "nginx 1", "requests": [12.345, 9.6, 13.0], "processor": [0.0512, 0.04, 0.06]},
        "WhiteNoise": {"program": "WhiteNoise 2", "requests": [1.21, 0.99, 1.3], "processor": [0.84, 0.8, 0.9]},
        "Flask": {"program": "Flask 3", "requests": [1.0, 1.0, 1.0], "processor": [1.0, 1.0, 1.0]},
    },
}


def test_the_table_has_two_digits_and_names_ties() -> None:
    assert static_files.table(MEASURED) == (
        "| Server | Requests | Processor time |\n"
        "| --- | ---: | ---: |\n"
        "| nginx | 12 (9.6 to 13) | 0.051 (0.04 to 0.06) |\n"
        "| WhiteNoise | 1.2 (0.99 to 1.3) | 0.84 (0.8 to 0.9) |\n"
        "| Flask | 1 | 1 |\n"
        "\n"
        "Requests in the same time, and what the server took of the processor for one: 5 rounds in turn, median (least"
        " to most). The style sheet has 7,780 bytes, asked for by clients that take gzip and keep their connections."
        " nginx 1, WhiteNoise 2, Flask 3, the last two in server 4; 2 cores, some processor, Linux; 2 November 2026."
        " WhiteNoise and Flask tie in requests.\n"
    )


def test_the_data_file_reads_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / static_files.DATA).parent.mkdir(parents=True)
    (tmp_path / static_files.DATA).write_text(static_files.write(MEASURED), "utf-8")
    assert static_files.read(tmp_path) == MEASURED


def test_the_page_says_of_the_figures_what_they_are() -> None:
    servers = static_files.read()["servers"]
    assert tuple(servers) == ("nginx", "WhiteNoise", "Flask")
    least_of_nginx = servers["nginx"]["requests"][1]
    assert least_of_nginx > max(servers[name]["requests"][2] for name in ("WhiteNoise", "Flask"))
