"""The site as an ASGI application: `uvicorn fastapi_hello:application`."""

from html import escape
from typing import Annotated
from urllib.parse import quote

from fastapi import FastAPI, Form
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.convertors import Convertor, register_url_convertor

from fastapi_hello.head import HeadWithoutBody

LARGEST = 10_000  # bytes of a request's body
LONGEST = 80  # characters of a name
READ = ["GET", "HEAD"]  # FastAPI answers 405 to a HEAD that no one asked it to take
PAGE = '<!DOCTYPE html>\n<html lang="en">\n<title>Hello</title>\n{}\n</html>\n'
FORM = """<h1>Hello</h1>
<form method="post" action="/hello">
<label>Name <input name="name" required maxlength="80"></label>
<button>Greet</button>
</form>"""


class Rest(Convertor[str]):
    """The rest of a path, one character at least: `str` takes no slash, and `path` takes nothing for a name."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """Give what the path holds."""
        return value

    def to_string(self, value: str) -> str:
        """Give what a path is to hold."""
        return value


register_url_convertor("rest", Rest())

# The pages of documentation that FastAPI makes load scripts from elsewhere.
application = FastAPI(title="Hello", docs_url=None, redoc_url=None, redirect_slashes=False, max_body_size=LARGEST)
application.add_middleware(HeadWithoutBody)


@application.api_route("/", methods=READ, include_in_schema=False)
async def home() -> HTMLResponse:
    """Show the form."""
    return HTMLResponse(PAGE.format(FORM))


@application.api_route("/hello/{name:rest}", methods=READ, include_in_schema=False)
async def greet(name: str) -> HTMLResponse:
    """Greet the guest that the path names."""
    return HTMLResponse(PAGE.format(f"<p>Hello, {escape(name)}</p>"))


@application.post("/hello", include_in_schema=False)
async def greet_by_form(name: Annotated[str, Form()] = "") -> Response:
    """Send the browser on to the greeting of the name in the form."""
    if problem := problem_with(name):
        return HTMLResponse(PAGE.format(f'<p>{problem}</p>\n<p><a href="/">Back</a></p>'), 400)
    return RedirectResponse(f"/hello/{quote(name, safe='')}", 303)


# --8<-- [start:json]
@application.get("/api/hello")  # for /openapi.json alone, where a route of two methods gives both one id
@application.api_route("/api/hello", methods=READ, include_in_schema=False)
async def greet_as_json(name: str = "") -> JSONResponse:
    """Greet a program."""
    if problem := problem_with(name):
        return JSONResponse({"error": problem}, 400)
    return JSONResponse({"greeting": f"Hello, {name}"})


# --8<-- [end:json]


def problem_with(name: str) -> str | None:
    """Say what is wrong with a name, if anything is."""
    return None if 0 < len(name) <= LONGEST else f"name: expected 1 to {LONGEST} characters, got {len(name)}"
