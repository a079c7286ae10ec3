"""What whoever watches the site asks: does it live, and can it work."""

from flask import Blueprint, Response, current_app
from sqlalchemy.exc import SQLAlchemyError

from flask_site.database import is_migrated

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Say that the process answers; if not, restart it."""
    return _say("ok", 200)


# --8<-- [start:ready]
@blueprint.get("/readyz")
def ready() -> Response:
    """Say whether requests can be answered; if not, send them elsewhere."""
    try:
        with current_app.extensions["engine"].connect() as connection:
            migrated = is_migrated(connection)
    except SQLAlchemyError:
        return _say("database unreachable", 503)
    return _say("ok", 200) if migrated else _say("migrations missing", 503)


# --8<-- [end:ready]


def _say(text: str, status: int) -> Response:
    return Response(f"{text}\n", status, content_type="text/plain; charset=utf-8")
