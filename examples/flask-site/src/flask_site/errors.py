"""What a client is told where something went wrong: a page, or a problem in JSON, and never a traceback."""

from flask import Flask, Response, current_app, json, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, NotFound, SecurityError, ServiceUnavailable
from werkzeug.http import HTTP_STATUS_CODES

from flask_site.settings import Settings
from flask_site.store import Missing

RETRY_AFTER = 5  # seconds
UNDEFINED = {"42P01", "42703"}  # PostgreSQL: no such table, no such column

TEXTS = {
    401: "This needs a key: send Authorization: Bearer KEY.",
    403: "This is not allowed here.",
    404: "There is no page at this address. It may have been deleted.",
    405: "This address does not answer that method.",
    413: "This is larger than the site takes.",
    500: "Something went wrong on our side; the log says what.",
    503: "The database does not answer. Try again in a few seconds, and look first whether your change was made.",
}
FORM_EXPIRED = (
    "The form could not be checked: it was open for too long, or the browser keeps no cookies of this site. "
    "Go back, reload the page and send it again."
)


# --8<-- [start:errors]
def init_app(app: Flask, settings: Settings) -> None:
    """Answer each kind of error."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, lambda error: _http(error, FORM_EXPIRED))
    app.register_error_handler(Missing, lambda error: _http(NotFound()))
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(PoolTimeout, _database)


def _http(error: HTTPException, text: str | None = None) -> Response:
    status = error.code or 500
    default = type(error).description == error.description
    text = text or (TEXTS.get(status) if default else None) or error.description or ""
    if wants_json():
        return problem(status, text, error.get_headers())
    if isinstance(request.routing_exception, SecurityError):  # another host, for which no page has an address
        text = "400 Bad Request: this site does not answer for that host.\n"
        return Response(text, 400, content_type="text/plain; charset=utf-8")
    page = render_template("error.html", status=status, title=HTTP_STATUS_CODES[status], text=text)
    response = Response(page, status, error.get_headers())
    response.content_type = "text/html; charset=utf-8"
    return response


# --8<-- [end:errors]


# --8<-- [start:problem]
def wants_json() -> bool:
    """Tell whether the client is a program: it asks below /api, or prefers JSON to a page."""
    kinds = ["text/html", "application/json", "application/problem+json"]
    return request.path.startswith("/api/") or request.accept_mimetypes.best_match(kinds, "text/html") != "text/html"


def problem(status: int, text: str, headers: list[tuple[str, str]] | None = None, **more: object) -> Response:
    """Return an error as problem details (RFC 9457)."""
    body = {"type": "about:blank", "title": HTTP_STATUS_CODES[status], "status": status, "detail": text, **more}
    response = Response(json.dumps(body), status, headers)
    response.content_type = "application/problem+json"
    return response


# --8<-- [end:problem]


# --8<-- [start:unavailable]
def is_unavailable(error: Exception) -> bool:
    """Tell whether a fault is of the database, and may be gone later: it went away, is locked or not migrated."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", None) in UNDEFINED
    )


def _database(error: Exception) -> Response:
    if not is_unavailable(error):
        raise error
    current_app.logger.error("database unavailable: %s", str(getattr(error, "orig", error)).partition("\n")[0])
    return _http(ServiceUnavailable(retry_after=RETRY_AFTER))


# --8<-- [end:unavailable]
