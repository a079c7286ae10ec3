"""The application: notes that are listed and added over HTTP, kept in the database that is attached."""

import hmac
import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any
from urllib.parse import quote

from settings_app.settings import Secret, Settings

LONGEST = 1000  # bytes of a note


# --8<-- [start:database]
def connect(url: Secret, *, create: bool = False) -> closing[sqlite3.Connection]:
    """Open the database at a URL, for one block.

    Raises:
        sqlite3.OperationalError: there is none, and it is not to be created.
    """
    path = url.reveal().removeprefix("sqlite:///")
    mode = "rwc" if create else "rw"
    return closing(sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, isolation_level=None))


# --8<-- [end:database]


def create(settings: Settings) -> None:
    """Make the table, where it is not there yet."""
    with connect(settings.database_url, create=True) as database:
        database.execute("CREATE TABLE IF NOT EXISTS note (text TEXT NOT NULL)")


def notes(settings: Settings) -> list[str]:
    """Return all notes, oldest first."""
    with connect(settings.database_url) as database:
        return [text for (text,) in database.execute("SELECT text FROM note ORDER BY rowid")]


def make_app(settings: Settings) -> Callable[..., Iterable[bytes]]:
    """Return the WSGI application (PEP 3333): `GET /` lists the notes, `POST /` adds one."""

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        status, text = _answer(settings, environ)
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text.encode()]

    return app


def _answer(settings: Settings, environ: dict[str, Any]) -> tuple[str, str]:
    if environ.get("HTTP_HOST", "").split(":")[0] not in settings.allowed_hosts:
        return "400 Bad Request", "no such host\n"
    if environ["PATH_INFO"] != "/":
        return "404 Not Found", "there is only /\n"
    if environ["REQUEST_METHOD"] == "GET":
        return "200 OK", "".join(f"{note}\n" for note in notes(settings))
    if environ["REQUEST_METHOD"] != "POST":
        return "405 Method Not Allowed", "there are GET and POST\n"
    sent = environ.get("HTTP_AUTHORIZATION", "").encode()
    if not hmac.compare_digest(sent, f"Bearer {settings.api_token.reveal()}".encode()):
        return "401 Unauthorized", "send the header Authorization: Bearer TOKEN\n"
    if settings.read_only:
        return "403 Forbidden", "notes are only read for now\n"
    size = environ.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch("[0-9]{1,9}", size) or not 0 < int(size) <= LONGEST:
        return "400 Bad Request", f"send a note of 1 to {LONGEST} bytes\n"
    note = environ["wsgi.input"].read(int(size)).decode(errors="replace")
    with connect(settings.database_url) as database:
        database.execute("INSERT INTO note VALUES (?)", [note])
    return "201 Created", f"{note}\n"
