"""The attacks on front doors: a strict door refuses them all, and one that is lax in one thing is noticed for that."""

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import pytest
from support import probes
from support.probes import ATTACKS, HOST, Finding, probe

LINE = re.compile(rf"(GET|POST) (?:http://{re.escape(HOST)})?(/[!-$&-~]*(?:%[2-7][0-9A-Fa-f][!-$&-~]*)*) HTTP/1\.1")
FIELD = re.compile(r"([A-Za-z0-9-]+):[ \t]*([\x20-\x7e]*)")
UNDERSCORED = re.compile(r"[A-Za-z0-9_-]+:[ \t]*[\x20-\x7e]*")
FAMILIES = {"traversal", "spoofing", "smuggling", "oversized", "malformed"}
LARGEST = 1_000_000  # bytes of a body


class Refused(Exception):
    """A request that is not served; the connection is closed after the answer."""


class Door(socketserver.StreamRequestHandler):
    """A server of HTTP that takes only what is certain, but for what it is lax in."""

    lax: ClassVar[str] = ""
    root: ClassVar[Path]
    log: ClassVar[list[str]]

    def handle(self) -> None:
        """Answer requests until one is the last."""
        with contextlib.suppress(ConnectionError):
            try:
                while self.request_and_answer():
                    pass
            except Refused as refused:
                self.answer(int(str(refused)), "refused\n", "Connection: close")

    def request_and_answer(self) -> bool:
        """Answer one request, and tell whether there may be another."""
        if not (head := self.head()):
            return False
        line, *rest = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        rest = [field for field in rest if "_" not in field.split(":")[0] or not UNDERSCORED.fullmatch(field)]
        if not (asked := LINE.fullmatch(line)):
            if self.lax == "any request line":
                self.answer(200, "a page\n", "Connection: close")
                return False
            raise Refused(400)
        fields = [FIELD.fullmatch(field) for field in rest]
        if None in fields:
            raise Refused(400)
        headers: dict[str, str] = {}
        for name, value in ((field[1].lower(), field[2].strip()) for field in fields):
            if name in headers and name in ("host", "content-length", "transfer-encoding"):
                raise Refused(400)
            headers[name] = value
        if headers.get("host") != HOST and self.lax != "any host":
            raise Refused(400)
        self.body(headers)
        path = asked[2].split("?")[0]
        self.log.append(f"{self.remote(headers)} {path}")
        self.serve(path, headers)
        return "close" not in headers.get("connection", "")

    def head(self) -> bytes:
        """Read the lines before the body."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (line := self.rfile.readline(65_536)):
                if self.lax == "silence" and head:
                    threading.Event().wait(1)
                return b""
            head += line
            if len(head) > 65_536 and self.lax != "any size":
                raise Refused(431)
        return head

    def body(self, headers: dict[str, str]) -> None:
        """Read what follows the head."""
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if length is not None and not re.fullmatch(r"\d{1,30}", length):
            if self.lax == "a fault at a wrong length":
                raise Refused(500)
            raise Refused(400)
        if coding and length:
            if self.lax == "the length counts":
                coding = None
            elif self.lax != "the chunks count":
                raise Refused(400)
        if coding and coding != "chunked":
            raise Refused(501)
        if not coding and int(length or 0) > LARGEST and self.lax != "any size":
            raise Refused(413)
        if not coding and int(length or 0) <= LARGEST:
            self.rfile.read(int(length or 0))
        while coding:
            size = self.rfile.readline(100)
            if not re.fullmatch(rb"[0-9a-f]{1,16}\r\n", size):
                raise Refused(400)
            if int(size, 16) > LARGEST:
                raise Refused(200 if self.lax == "any size" else 413)
            if self.rfile.read(int(size, 16) + 2)[-2:] != b"\r\n":
                raise Refused(400)
            if size == b"0\r\n":
                return

    def remote(self, headers: dict[str, str]) -> str:
        """Give the address of the client, for the log."""
        if self.lax == "X-Forwarded-For is believed":
            return headers.get("x-forwarded-for", "127.0.0.1")
        return "127.0.0.1"

    def serve(self, path: str, headers: dict[str, str]) -> None:
        """Answer a request that is in order."""
        more = []
        if self.lax == "X-Forwarded-Proto is believed" and headers.get("x-forwarded-proto") == "https":
            more.append("Strict-Transport-Security: max-age=1")
        prefix = headers.get("x-forwarded-prefix", "") if self.lax == "X-Forwarded-Prefix is believed" else ""
        if self.lax == "files anywhere" and path.startswith("/static"):
            path = unquote(path)
        file = self.root / path.removeprefix("/")
        known = path == "/static/style.css" or (self.lax == "files anywhere" and path.startswith("/static"))
        if known and file.is_file():
            self.answer(200, file.read_text(), *more)
        elif path == "/":
            self.answer(200, f'<link href="{prefix}/static/style.css">\n', *more)
        else:
            self.answer(404, "no such page\n", *more)

    def answer(self, status: int, body: str, *headers: str) -> None:
        """Send an answer."""
        head = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body.encode())}", *headers, "", ""]
        self.wfile.write("\r\n".join(head).encode() + body.encode())


@contextlib.contextmanager
def serving(root: Path, lax: str) -> Iterator[Any]:
    """Serve a folder, and give the address and the log."""
    door = type("OneDoor", (Door,), {"lax": lax, "root": root, "log": []})

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 100

    with Server(("127.0.0.1", 0), door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address, door.log
        finally:
            server.shutdown()
            thread.join()


def findings(root: Path, lax: str = "") -> list[Finding]:
    (root / "static").mkdir()
    (root / "static/style.css").write_text("p { color: green }\n")
    (root / "venv").mkdir()
    (root / "venv/pyvenv.cfg").write_text("include-system-site-packages = false\n")
    with serving(root, lax) as (address, log):
        return probe(lambda: socket.create_connection(address), log=lambda: "\n".join(log))


def test_a_strict_door_refuses_every_attack(tmp_path: Path) -> None:
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    ("lax", "family", "why"),
    [
        ("files anywhere", "traversal", "the answer has 'include-system-site-packages'"),
        ("files anywhere", "traversal", "the answer has 'root:x:0:'"),
        ("X-Forwarded-For is believed", "spoofing", "the application logs '203.0.113.66'"),
        (
            "X-Forwarded-Proto is believed",
            "spoofing",
            "it is answered by (200, None, 'max-age=1'), a plain request by (200, None, None)",
        ),
        ("X-Forwarded-Prefix is believed", "spoofing", "the answer has '/evil-prefix'"),
        ("any host", "spoofing", "it is answered by (200, None, None), a plain request by (200, None, None)"),
        ("the length counts", "smuggling", "it is answered more than once: 404, 404, 400"),
        ("the chunks count", "smuggling", "the application logs '/smuggled-request'"),
        (
            "a fault at a wrong length",
            "smuggling",
            "it is answered by (500, None, None), a plain request by (200, None, None)",
        ),
        ("any size", "oversized", "it is answered by (200, None, None), a plain request by (200, None, None)"),
        ("any request line", "malformed", "it is answered by (200, None, None), a plain request by (200, None, None)"),
    ],
)
def test_a_lax_door_is_noticed(tmp_path: Path, lax: str, family: str, why: str) -> None:
    found = findings(tmp_path, lax)
    assert why in {finding.why for finding in found if finding.family == family}
    if lax != "any request line":  # what follows such a line is not read, whatever the attack
        assert {finding.family for finding in found} == {family}


def test_a_door_that_does_not_answer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "LIMIT", 0.3)
    silent = {"malformed: silence": probes.Attack("malformed", b"GET / HTTP/1.1\r\n")}
    monkeypatch.setattr(probes, "ATTACKS", silent)
    assert findings(tmp_path) == [Finding("malformed", "malformed: silence", "it hangs: no answer within 0 s")]


def test_without_a_plain_answer_or_a_log_nothing_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path, "") as (address, _log):
        with pytest.raises(AssertionError, match=r"answers .*status=400.* to a plain request"):
            probe(lambda: socket.create_connection(address), host="other.example")
        monkeypatch.setattr(probes, "LIMIT", 0.3)
        with pytest.raises(AssertionError, match="does not show /the-application-logs-this"):
            probe(lambda: socket.create_connection(address), log=lambda: "")


def test_there_are_attacks_of_each_family_and_each_is_another_request() -> None:
    assert {attack.family for attack in ATTACKS.values()} == FAMILIES
    assert len({attack.request for attack in ATTACKS.values()}) == len(ATTACKS)
