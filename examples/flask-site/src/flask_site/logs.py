"""The log: one JSON object per line, on stderr. It has no query, no body, no cookie and no key."""

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime

from flask import Flask, g, has_app_context, request
from flask.logging import default_handler
from werkzeug.wrappers import Response

from flask_site.settings import Settings

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


# --8<-- [start:json-lines]
class JsonLines(logging.Formatter):
    """Write a record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **({"request_id": request_id()} if has_app_context() else {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


# --8<-- [end:json-lines]


def init_app(app: Flask, settings: Settings) -> None:
    """Log each request, and give its answer the id that the log has."""
    default_handler.setFormatter(JsonLines())
    for logger in (app.logger, logging.getLogger("waitress")):
        logger.setLevel(settings.log_level)
        logger.handlers[:] = [default_handler]
    app.before_request(_start)
    app.after_request(_finish)


# --8<-- [start:request-id]
def request_id() -> str:
    """Return the id of this request: the one that a proxy gave it, or a new one."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-ID", "") if request else ""
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    return g.request_id


def _start() -> None:
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    fields = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "milliseconds": round(1000 * (time.perf_counter() - g.started), 1),
        "remote": request.remote_addr,
    }
    logging.getLogger("flask_site").info("request", extra={"fields": fields})
    return response


# --8<-- [end:request-id]
