"""Serve an index on this computer, in the form that each client asks for (PEP 691)."""

import io
import logging
import os
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
OFFERED = ("text/html", JSON, HTML)  # the first wins a tie
YEAR = 365 * 24 * 60 * 60
log = logging.getLogger(__name__)


def choose(accept: str) -> str | None:
    """Return the content type that an `Accept` header asks for, or None if there is none.

    >>> choose("application/vnd.pypi.simple.v1+json, text/html; q=0.01")
    'application/vnd.pypi.simple.v1+json'
    """
    qualities = dict(map(_read_part, accept.lower().replace(".simple.latest+", ".simple.v1+").split(",")))

    def quality(offered: str) -> float:
        ranges = (offered, offered.partition("/")[0] + "/*", "*/*")
        return next((qualities[known] for known in ranges if known in qualities), 0.0)

    best = max(OFFERED, key=quality)
    return best if quality(best) > 0 else None


def _read_part(part: str) -> tuple[str, float]:
    kind, *options = (piece.strip() for piece in part.split(";"))
    for option in options:
        name, _, value = option.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 0.0
    return kind, 1.0


def make_server(out: Path, host: str = "127.0.0.1", port: int = 8000) -> ThreadingHTTPServer:
    """Return a server of the index `out`; its `serve_forever` starts it.

    Args:
        out: A folder that `build` wrote.
        host: The address to listen on. The default is this computer only.
        port: The port to listen on; 0 takes a free one, see `server_port`.

    Raises:
        FileNotFoundError: `out` is not an index.
        OSError: The port is in use.
    """
    if not (out / "simple" / "index.html").is_file():
        raise FileNotFoundError(f"{out}: not an index; write one with `static-index build`")
    return _Server((host, port), partial(_Handler, directory=os.fspath(out)))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # installers open many connections at once


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30  # seconds for a client to say something
    server_version = "static-index"
    path = ""
    page_type: str | None = None
    status = 0

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Answer with the head of a page in the form asked for, or of a file."""
        self.page_type = choose(self.headers.get("Accept") or "*/*")
        if self.page_type is None and self._asks_for_page():
            self.send_error(HTTPStatus.NOT_ACCEPTABLE, explain=f"Offered: {', '.join(OFFERED)}")
            return None
        return super().send_head()

    def translate_path(self, path: str) -> str:
        """Find the file that a path stands for; a page in JSON has its own."""
        found = super().translate_path(path)
        page = os.path.join(found, "index.json")
        return page if found.endswith(os.sep) and self.page_type == JSON and os.path.isfile(page) else found

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """Return the content type of a file; a page has the one asked for."""
        name = os.path.basename(path)
        if name == "index.json":
            return JSON
        if name == "index.html":
            return HTML if self.page_type == HTML else "text/html"
        return super().guess_type(path)

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        """Refuse to list a folder that is no page."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_response(self, code: int, message: str | None = None) -> None:
        """Remember the status for the headers."""
        self.status = code
        super().send_response(code, message)

    def end_headers(self) -> None:
        """Let clients keep files, which never change, and ask anew for pages."""
        if self.path.startswith("/files/") and self.status == HTTPStatus.OK:
            self.send_header("Cache-Control", f"public, max-age={YEAR}, immutable")
        else:
            self.send_header("Cache-Control", "no-store")
            self.send_header("Vary", "Accept")
        super().end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log a request: what was asked for, and the status of the answer."""
        log.info("%s %s %d", self.command, quote(self.path, safe="/?&=%+"), code)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing else: an error has its line already."""

    def _asks_for_page(self) -> bool:
        return self.path.partition("?")[0].endswith("/")
