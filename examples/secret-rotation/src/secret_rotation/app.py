"""The service: a WSGI application that answers those who have a key."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from secret_rotation.keys import find
from secret_rotation.live import KeyFile

log = logging.getLogger("secret_rotation")


# --8<-- [start:app]
def make_app(file: KeyFile) -> Callable[[dict, Callable], Iterable[bytes]]:
    """Return the service as a WSGI application.

    Args:
        file: the keys, asked at each request.
    """

    def app(environ: dict, start_response: Callable) -> Iterable[bytes]:
        scheme, _, presented = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        key = find(file.keys(), presented.strip()) if scheme.lower() == "bearer" else None
        if key and key.is_valid(datetime.now(UTC)):
            log.info("200 key %s", key.name)
            return _answer(start_response, "200 OK", f"hello, key {key.name}\n")
        log.info("401 %s", f"expired key {key.name}" if key else "no known key")
        return _answer(start_response, "401 Unauthorized", "send a valid key: Authorization: Bearer KEY\n")

    return app


# --8<-- [end:app]


def _answer(start_response: Callable, status: str, text: str) -> Iterable[bytes]:
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text.encode())))]
    if status.startswith("401"):
        headers.append(("WWW-Authenticate", "Bearer"))  # RFC 6750, section 3
    start_response(status, headers)
    return [text.encode()]
