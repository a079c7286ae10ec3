"""A client that calls the application as an ASGI server does."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi_hello import application

FORM = "application/x-www-form-urlencoded"


def call(method: str, target: str, body: bytes = b"", content_type: str = FORM) -> tuple[int, dict[str, str], bytes]:
    """Give the status, the headers by their names in lower case, and the body of an answer."""
    path, _, query = target.partition("?")
    headers = {"host": "localhost", "content-type": content_type, "content-length": str(len(body))}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("localhost", 80),
    }
    asked = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return asked.pop() if asked else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    start, *chunks = sent
    assert start["type"] == "http.response.start"
    assert {chunk["type"] for chunk in chunks} == {"http.response.body"}
    assert [chunk.get("more_body", False) for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    answered = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    return start["status"], answered, b"".join(chunk.get("body", b"") for chunk in chunks)


@pytest.fixture
def client() -> Callable:
    return call
