"""What clients get from the server, and that pip installs from it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from making import wheel
from static_index import build, make_server
from static_index.__main__ import main
from static_index.server import choose

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *told: object) -> None:
        pass


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def port(files: Path, out: Path) -> Iterator[int]:
    wheel(files, "greet", "1.0", code="def greet():\n    return 'Hello'\n")
    build(files, out)
    with running(make_server(out, port=0)) as port:
        yield port


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str | None], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    told = {name: answer.headers[name] for name in ("Content-Type", "Cache-Control", "Vary", "Location")}
    content = answer.read()
    connection.close()
    return answer.status, told, content


def page(kind: str) -> dict[str, str | None]:
    return {"Content-Type": kind, "Cache-Control": "no-store", "Vary": "Accept", "Location": None}


CHOICES = {
    "*/*": "text/html",
    "text/*": "text/html",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/html",
    f"{JSON}, {HTML}; q=0.1, text/html; q=0.01": JSON,
    f"{JSON}, {HTML};q=0.2, text/html;q=0.01": JSON,
    f"text/html; q=0.5, {JSON} ; Q=0.6": JSON,
    "application/vnd.pypi.simple.latest+json": JSON,
    "application/*": JSON,
    HTML: HTML,
    "text/html;q=0, */*;q=0.1": JSON,
    "application/vnd.pypi.simple.v2+json": None,
    "text/html; q=much": None,
    "": None,
}


@pytest.mark.parametrize("accept", CHOICES)
def test_client_gets_the_form_it_asks_for(accept: str):
    assert choose(accept) == CHOICES[accept]


@pytest.mark.parametrize(("accept", "file"), [("text/html", "html"), (HTML, "html"), (JSON, "json")])
@pytest.mark.parametrize("path", ["/simple/", "/simple/greet/"])
def test_page_in_each_form(accept: str, file: str, path: str, port: int, out: Path):
    content = (out / path[1:] / f"index.{file}").read_bytes()
    assert ask(port, path, Accept=accept) == (200, page(accept), content)
    assert ask(port, path, "HEAD", Accept=accept) == (200, page(accept), b"")


def test_files_may_be_kept_for_ever(port: int, out: Path):
    for name in ("greet-1.0-py3-none-any.whl", "greet-1.0-py3-none-any.whl.metadata"):
        status, told, content = ask(port, f"/files/{name}")
        assert (status, content) == (200, (out / "files" / name).read_bytes())
        assert told == {
            "Content-Type": "application/octet-stream",
            "Cache-Control": "public, max-age=31536000, immutable",
            "Vary": None,
            "Location": None,
        }


def test_unknown_form_is_not_acceptable(port: int):
    assert ask(port, "/simple/", Accept="image/png")[0] == 406


def test_page_without_its_slash_is_redirected(port: int):
    status, told, _ = ask(port, "/simple/greet")
    assert (status, told["Location"], told["Cache-Control"]) == (301, "/simple/greet/", "no-store")


@pytest.mark.parametrize("path", ["/", "/files/", "/simple/none/", "/files/none.whl", "/../dist/", "/%2e%2e/dist/"])
def test_what_is_not_in_the_index_is_not_found(path: str, port: int):
    status, told, _ = ask(port, path)
    assert (status, told["Cache-Control"]) == (404, "no-store")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(method: str, port: int):
    assert ask(port, "/simple/", method)[0] == 501


def install(port: int, tmp_path: Path) -> str:
    options = ["--isolated", "--no-cache-dir", "--disable-pip-version-check", "--index-url"]
    command = [sys.executable, "-m", "pip", "install", *options, f"http://127.0.0.1:{port}/simple/"]
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    subprocess.run([*command, "--target", tmp_path / "target", "greet"], check=True, timeout=120, env=environment)
    return (tmp_path / "target/greet.py").read_text()


def test_pip_installs_from_it(port: int, tmp_path: Path):
    assert install(port, tmp_path) == "def greet():\n    return 'Hello'\n"


def test_pip_installs_from_a_plain_web_server(files: Path, out: Path, tmp_path: Path):
    wheel(files, "greet", "1.0", code="plain = True")
    build(files, out)
    with running(ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=out))) as port:
        assert install(port, tmp_path) == "plain = True"


def test_serving_no_index_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["serve", str(tmp_path)]) == 1
    message = f"static-index: {tmp_path}: not an index; write one with `static-index build`\n"
    assert capsys.readouterr() == ("", message)


def test_port_in_use_is_named(port: int, out: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["serve", str(out), "--port", str(port)]) == 1
    message = f"static-index: port {port} is in use; choose another with --port\n"
    assert capsys.readouterr() == ("", message)


def test_serve_tells_where_and_logs_requests(files: Path, out: Path):
    build(files, out)
    command = [sys.executable, "-m", "static_index", "serve", "--port", "0", out]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        first = server.stdout.readline()
        port = int(first.rpartition(":")[2].partition("/")[0])
        assert first == f"Serving {out} at http://127.0.0.1:{port}/simple/\n"
        assert ask(port, "/simple/")[0] == 200
        assert ask(port, "/simple/\x7f/".replace("\x7f", "%1b"))[0] == 404
    finally:
        server.terminate()
        _, logged = server.communicate(timeout=30)
    assert logged == "GET /simple/ 200\nGET /simple/%1b/ 404\n"
