"""What a request says, read from the environ that the server passes."""

from http import HTTPStatus
from urllib.parse import parse_qs
from wsgiref.types import WSGIEnvironment

LARGEST = 10_000  # bytes of a body
MOST_FIELDS = 20  # in a query or a form
FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """A request that gets an answer other than it wished for; the message tells the client why."""

    def __init__(self, status: HTTPStatus, message: str, *headers: tuple[str, str]) -> None:
        """Take the status of the answer, its message, and headers that belong to that status."""
        super().__init__(message)
        self.status, self.headers = status, headers


# --8<-- [start:text]
def text(native: str) -> str:
    """Return the text of a string of environ, whose characters stand for bytes.

    [PEP 3333](https://peps.python.org/pep-3333/#unicode-issues): the server decodes bytes as Latin-1,
    which cannot fail, and the application decodes them as what they are.
    """
    try:
        return native.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(HTTPStatus.BAD_REQUEST, "the address is not UTF-8") from None


def path(environ: WSGIEnvironment) -> str:
    """Return the path below the place where the application is mounted, decoded."""
    return text(environ.get("PATH_INFO", "")) or "/"


# --8<-- [end:text]


def query(environ: WSGIEnvironment) -> dict[str, str]:
    """Return the fields after the `?` of the address."""
    return _fields(environ.get("QUERY_STRING", "").encode("latin-1"))


def form(environ: WSGIEnvironment) -> dict[str, str]:
    """Return the fields of a form that was sent as the body; none if the body is something else."""
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != FORM:
        return {}
    return _fields(body(environ))


# --8<-- [start:body]
def body(environ: WSGIEnvironment) -> bytes:
    """Return the body of the request.

    Raises:
        Refused: 400, 411 or 413, by [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-15.5).
    """
    length = environ.get("CONTENT_LENGTH", "")
    if length:
        if not (length.isascii() and length.isdigit()):
            raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length: expected a number of bytes")
        if len(length) > 20 or int(length) > LARGEST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {LARGEST} bytes")
        received = _read(environ, int(length))
        if len(received) < int(length):
            raise Refused(HTTPStatus.BAD_REQUEST, f"the body ended after {len(received)} of {length} bytes")
        return received
    if environ.get("wsgi.input_terminated"):  # the server has decoded the chunks, and ends the input after the last
        received = _read(environ, LARGEST + 1)
        if len(received) > LARGEST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {LARGEST} bytes")
        return received
    if "HTTP_TRANSFER_ENCODING" in environ:  # the input has no end: reading would wait for ever
        raise Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length: missing; this server takes no chunks")
    return b""


# --8<-- [end:body]


def _read(environ: WSGIEnvironment, size: int) -> bytes:
    """Read so many bytes, or fewer if no more come; one read may give a part."""
    received = b""
    try:
        while len(received) < size and (part := environ["wsgi.input"].read(size - len(received))):
            received += part
    except Exception:  # the client went away, or its chunks are none: each server has errors of its own for that
        raise Refused(HTTPStatus.BAD_REQUEST, "the body is broken") from None
    return received


def _fields(encoded: bytes) -> dict[str, str]:
    try:
        parsed = parse_qs(encoded.decode("utf-8"), errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        message = f"expected at most {MOST_FIELDS} fields, percent-encoded UTF-8"
        raise Refused(HTTPStatus.BAD_REQUEST, message) from None
    return {name: values[0] for name, values in parsed.items()}
