"""The example static-index against the real installers: pip and uv take what it serves."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support import pythons, wheelhouse
from uv import find_uv_bin

sys.path.append(str(wheelhouse.ROOT / "examples/static-index/tests"))

from killing import kill_at_each_write
from making import tree, wheel
from static_index import Releases, build, make_server

LIMIT = 120  # seconds for one installation
PYTHON = str(pythons.reference().path)
INSTALLERS = {
    "pip": [sys.executable, "-m", "pip", "--isolated", "--python", PYTHON, "install", "--no-cache-dir", "--quiet"],
    "uv": [find_uv_bin(), "--no-config", "--no-cache", "pip", "install", "--python", PYTHON, "--quiet"],
}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *told: object) -> None:
        pass


def plain_server(out: Path) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=out))


def own_server(out: Path) -> ThreadingHTTPServer:
    return make_server(out, port=0)


@contextlib.contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[str]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()
        thread.join()


def install(installer: str, url: str, target: Path, *wanted: str) -> subprocess.CompletedProcess:
    command = [*INSTALLERS[installer], "--index-url", url, "--target", target, *wanted]
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


@pytest.mark.parametrize("server", [plain_server, own_server])
@pytest.mark.parametrize("installer", INSTALLERS)
def test_newest_release_that_is_not_yanked_is_installed(installer: str, server, files: Path, tmp_path: Path):
    build(files, tmp_path / "index", Releases(yanked={"greet-2.0-py3-none-any.whl": "too new"}))
    with running(server(tmp_path / "index")) as url:
        done = install(installer, url, tmp_path / "target", "greet")
    assert (done.returncode, versions(tmp_path / "target")) == (0, ["greet-1.0.dist-info"]), done.stderr


@pytest.mark.parametrize("installer", INSTALLERS)
def test_file_that_is_not_what_its_page_says_is_not_installed(installer: str, files: Path, tmp_path: Path):
    build(files, tmp_path / "index")
    wheel(tmp_path / "index/files", "greet", "2.0", code="other = True")
    with running(own_server(tmp_path / "index")) as url:
        done = install(installer, url, tmp_path / "target", "greet")
    assert (done.returncode != 0, versions(tmp_path / "target")) == (True, []), done.stderr


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
        with running(own_server(out)) as url:
            done = install(installer, url, target := out / "target", "greet")
        assert done.returncode == 0, done.stderr
        got += versions(target)
    assert got == sorted(got)
    assert set(got) == {"greet-2.0.dist-info", "greet-3.0.dist-info"}
    assert len(got) > 10


def published(out: Path) -> dict[str, bytes]:
    """Read what clients see of an index: most kills only leave another part of a file."""
    return {name: content for name, content in tree(out).items() if ".part-" not in name}
