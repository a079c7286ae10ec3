"""The site: two pages, a form, and an answer in JSON."""

from flask import Flask, abort, redirect, request, url_for
from markupsafe import escape
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response

LONGEST = 80  # characters of a name
LARGEST = 10_000  # bytes of a body

FORM = """<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<title>Hello</title>
<h1>Hello</h1>
<form method="post" action="/hello">
<label>Your name <input name="name" required maxlength="80"></label>
<button>Greet me</button>
</form>
</html>
"""


class AnyText(BaseConverter):
    """The rest of the path, whatever it is: Flask's `path` refuses a slash at its start, and a line end."""

    regex = "(?s:.+)"
    part_isolating = False


application = Flask(__name__, static_folder=None)
application.config["MAX_CONTENT_LENGTH"] = LARGEST
application.url_map.converters["text"] = AnyText


@application.get("/")
def index() -> str:
    """Show the form."""
    return FORM


@application.get("/hello/<text:name>")
def hello(name: str) -> str:
    """Greet somebody."""
    return f'<!doctype html>\n<html lang="en">\n<title>Hello</title>\n<p>Hello, {escape(name)}</p>\n</html>\n'


# --8<-- [start:submit]
@application.post("/hello")
def submit() -> Response:
    """Take the form, and lead to the greeting."""
    name = request.form.get("name", "")
    if wrong := fault(name):
        abort(400, wrong)
    return redirect(url_for("hello", name=name), 303)


# --8<-- [end:submit]


# --8<-- [start:api]
@application.get("/api/hello")
def api() -> tuple[dict[str, str], int]:
    """Greet somebody in JSON."""
    name = request.args.get("name", "")
    if wrong := fault(name):
        return {"error": wrong}, 400
    return {"greeting": f"Hello, {name}"}, 200


# --8<-- [end:api]


def fault(name: str) -> str | None:
    """Say what is wrong with a name, or give None.

    Args:
        name: what somebody sent.
    """
    if 1 <= len(name) <= LONGEST:
        return None
    return f"name: expected 1 to {LONGEST} characters, got {len(name)}"
