"""What a request may be: how large, for which host, in which encoding."""

from urllib.parse import unquote_to_bytes

from flask import Flask, request
from werkzeug.exceptions import BadRequest
from werkzeug.routing import IntegerConverter

from flask_site.settings import Settings


class IdConverter(IntegerConverter):
    """The id of a row: what a database can count to, in ASCII digits, in one way only."""

    regex = "[1-9][0-9]{0,17}"


# --8<-- [start:limits]
def init_app(app: Flask, settings: Settings) -> None:
    """Set the limits."""
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_body,
        MAX_FORM_MEMORY_SIZE=64 * 1024,  # bytes of the fields that are no files
        MAX_FORM_PARTS=20,
        TRUSTED_HOSTS=list(settings.trusted_hosts),  # any other Host is refused, on every route
    )
    app.url_map.converters["id"] = IdConverter
    app.before_request(_refuse_other_encodings)


# --8<-- [end:limits]


def _refuse_other_encodings() -> None:
    """Refuse a query or a form that is not UTF-8: Flask would change its bytes to other text, and it would be kept."""
    parts = [request.query_string]
    if request.mimetype == "application/x-www-form-urlencoded":
        parts.append(request.get_data())
    for part in parts:
        try:
            unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError:
            raise BadRequest("The text of this request is not UTF-8.") from None
