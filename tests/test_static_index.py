"""The example static-index against the real installers: pip and uv take what it serves, and what nginx serves of it."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support import pythons, system, wheelhouse
from support.sandbox import free_ports
from support.servers import ordinary_user, wait_for
from uv import find_uv_bin

sys.path.append(str(wheelhouse.ROOT / "examples/static-index/tests"))

from killing import kill_at_each_write
from making import tree, wheel
from static_index import Releases, build, make_server

LIMIT = 120  # seconds for one installation, or for a server to start or stop
PAGE_PORT = "8002"  # of nginx, on the page
PYTHON = str(pythons.reference().path)
INSTALLERS = {
    "pip": [sys.executable, "-m", "pip", "--isolated", "--python", PYTHON, "install", "--quiet"],
    "uv": [find_uv_bin(), "--no-config", "pip", "install", "--python", PYTHON, "--quiet"],
}
NO_CACHE = {"pip": "--no-cache-dir", "uv": "--no-cache"}
# pip keeps nothing of a plain http server, unless it is told to trust it.
CACHE = {"pip": ["--trusted-host", "127.0.0.1", "--cache-dir"], "uv": ["--cache-dir"]}
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *told: object) -> None:
        pass


@contextlib.contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def plain(out: Path) -> contextlib.AbstractContextManager[int]:
    return running(ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=out)))


def own(out: Path) -> contextlib.AbstractContextManager[int]:
    return running(make_server(out, port=0))


@contextlib.contextmanager
def nginx(out: Path) -> Iterator[int]:
    """Run nginx as an ordinary user, with the files that the page shows, beside the index."""
    for reason in system.lacking(["nginx"]):
        system.missing(reason)
    (port,) = free_ports(1)
    web = out.with_name("web")
    shutil.copytree(wheelhouse.ROOT / "examples/static-index/web", web)
    (web / "index").symlink_to(out)
    site = web / "site.conf"
    site.write_text(site.read_text("utf-8").replace(PAGE_PORT, str(port)), "utf-8")
    program = shutil.which("nginx")
    command = [*ordinary_user(), program, "-p", str(web), "-c", "nginx.conf", "-g", "daemon off;"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=web) as process:
        try:
            wait_for(process, port, LIMIT)
            yield port
        finally:
            process.terminate()
            try:
                _, said = process.communicate(timeout=LIMIT)
            finally:
                process.kill()
    assert (process.returncode, said) == (0, "")


SERVERS = {"plain": plain, "own": own, "nginx": nginx}


def install(
    installer: str, index: int | str, target: Path, *wanted: str, cache: Path | None = None
) -> subprocess.CompletedProcess:
    """Install into a folder, from an address or from what a port of the loopback serves."""
    url = f"http://127.0.0.1:{index}/simple/" if isinstance(index, int) else index
    keep = [*CACHE[installer], cache] if cache else [NO_CACHE[installer]]
    command = [*INSTALLERS[installer], *keep, "--index-url", url, "--target", target, *wanted]
    environment = {"PATH": os.defpath, "HOME": str(target), "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT)


def versions(target: Path) -> list[str]:
    return sorted(path.name for path in target.glob("*.dist-info"))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two releases of one package."""
    folder = tmp_path / "dist"
    folder.mkdir()
    wheel(folder, "greet", "1.0"), wheel(folder, "greet", "2.0")
    return folder


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("installer", INSTALLERS)
def test_newest_release_that_is_not_yanked_is_installed(installer: str, server: str, files: Path, tmp_path: Path):
    build(files, tmp_path / "index", Releases(yanked={"greet-2.0-py3-none-any.whl": "too new"}))
    with SERVERS[server](tmp_path / "index") as port:
        done = install(installer, port, tmp_path / "target", "greet")
    assert (done.returncode, versions(tmp_path / "target")) == (0, ["greet-1.0.dist-info"]), done.stderr


@pytest.mark.parametrize("installer", INSTALLERS)
def test_file_that_is_not_what_its_page_says_is_not_installed(installer: str, files: Path, tmp_path: Path):
    build(files, tmp_path / "index")
    wheel(tmp_path / "index/files", "greet", "2.0", code="other = True")
    with own(tmp_path / "index") as port:
        done = install(installer, port, tmp_path / "target", "greet")
    assert (done.returncode != 0, versions(tmp_path / "target")) == (True, []), done.stderr


FORMS = [
    "",  # no such header
    "*/*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",  # a browser
    f"{JSON}, {HTML}; q=0.1, text/html; q=0.01",  # pip
    f"{JSON}, {HTML};q=0.2, text/html;q=0.01",  # uv
    JSON.replace("v1", "latest"),
]


def test_nginx_answers_as_the_own_server(files: Path, tmp_path: Path):
    """Pages in the form asked for, files as they are, and the slash where it lacks."""
    build(files, out := tmp_path / "index")
    name = "greet-1.0-py3-none-any.whl"
    asked = [(path, form) for path in ("/simple/", "/simple/greet/") for form in FORMS]
    asked += [(path, "") for path in (f"/files/{name}", f"/files/{name}.metadata", "/simple/greet", "/simple/none/")]
    with own(out) as port:
        expected = [ask(port, path, form) for path, form in asked]
    with nginx(out) as port:
        assert [ask(port, path, form) for path, form in asked] == expected
    kinds = [kind for _, kind, _, _ in expected]
    assert kinds == [*["text/html"] * 3, *[JSON] * 3] * 2 + [*["application/octet-stream"] * 2, None, None]


def ask(port: int, path: str, accept: str) -> tuple[int, str | None, str | None, bytes]:
    """Ask once; what a server says of a redirect or an error in words is its own matter."""
    connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    connection.request("GET", path, headers={"Accept": accept} if accept else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    told = (answer.headers["Content-Type"], body) if answer.status == 200 else (None, b"")
    return answer.status, told[0], answer.headers["Location"], told[1]


@pytest.mark.parametrize("server", ["own", "nginx"])
@pytest.mark.parametrize("installer", INSTALLERS)
def test_new_release_is_seen_at_once(installer: str, server: str, files: Path, tmp_path: Path):
    """What installers keep of an index does not hide what was built since."""
    build(files, out := tmp_path / "index")
    got = []
    with SERVERS[server](out) as port:
        for version in ("2.0", "3.0"):
            wheel(files, "greet", version)
            build(files, out)
            done = install(installer, port, target := tmp_path / version, "greet", cache=tmp_path / "cache")
            assert done.returncode == 0, done.stderr
            got += versions(target)
    assert got == ["greet-2.0.dist-info", "greet-3.0.dist-info"]
    assert any((tmp_path / "cache").rglob("*"))


def test_upload_times_decide_about_a_cooldown(index_url: str, tmp_path: Path):
    """What the wheelhouse serves was uploaded on one day; pip and uv see it from that day on."""
    day = wheelhouse.UPLOADED.date()
    for installer, option in (("pip", "--uploaded-prior-to"), ("uv", "--exclude-newer")):
        times = {f"{day}T00:00:00Z": False, f"{day}T00:00:01Z": True}
        done = {
            t: install(installer, index_url, tmp_path / f"{installer}{t}", f"{option}={t}", "iniconfig") for t in times
        }
        assert {t: d.returncode == 0 for t, d in done.items()} == times, [d.stderr for d in done.values()]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.full)])
def test_installs_from_an_index_whose_build_was_killed(
    installer: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONPATH", str(wheelhouse.ROOT / "examples/static-index/src"))
    new = tmp_path / "new"
    new.mkdir()
    wheel(new, "greet", "1.0"), wheel(new, "greet", "3.0"), wheel(new, "comes", "1.0")
    states = {str(published(out)): out for out in kill_at_each_write(files, new, tmp_path)}
    got = []
    for out in states.values():
        with own(out) as port:
            done = install(installer, port, target := out / "target", "greet")
        assert done.returncode == 0, done.stderr
        got += versions(target)
    assert got == sorted(got)
    assert set(got) == {"greet-2.0.dist-info", "greet-3.0.dist-info"}
    assert len(got) > 10


def published(out: Path) -> dict[str, bytes]:
    """Read what clients see of an index: most kills only leave another part of a file."""
    return {name: content for name, content in tree(out).items() if ".part-" not in name}
