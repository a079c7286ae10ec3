"""What a request may be: how large, for which host, in which encoding."""

from urllib.parse import unquote_to_bytes

from flask import Flask, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.routing import IntegerConverter

from flask_site.settings import Settings


class IdConverter(IntegerConverter):
    """The id of a row: what a database can count to, in ASCII digits, in one way only."""

    regex = "[1-9][0-9]{0,17}"


FORM = 64 * 1024  # bytes of the fields that are no files


# --8<-- [start:limits]
def init_app(app: Flask, settings: Settings) -> None:
    """Set the limits."""
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_body,
        MAX_FORM_MEMORY_SIZE=FORM,
        MAX_FORM_PARTS=20,
        TRUSTED_HOSTS=list(settings.trusted_hosts),  # any other Host is refused, on every route
    )
    app.url_map.converters["id"] = IdConverter
    app.before_request(_check_text)


def _check_text() -> None:
    """Refuse what Flask would take: a form without files that is large, and text that is not UTF-8.

    Flask's limits of forms are for those with files. Bytes that are not UTF-8 it changes to other text.
    """
    parts = [request.query_string]
    if request.mimetype == "application/x-www-form-urlencoded":
        parts.append(request.get_data())
        if len(parts[1]) > FORM:
            raise RequestEntityTooLarge
    for part in parts:
        try:
            unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError:
            raise BadRequest("The text of this request is not UTF-8.") from None


# --8<-- [end:limits]
