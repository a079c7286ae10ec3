"""A WSGI application without a framework, with the paths that the lab asks for."""

import os
import platform
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import parse_qs


def app(environ: dict, start_response: Callable) -> Iterable[bytes]:
    """Answer one request.

    `/` is what load is put on. `/pid` names the process that answers, `/about` what it runs on. `/slow` takes its
    time: `seconds` of it; a file of the name `note` then holds the id of the process that is at it.
    """
    path = environ["PATH_INFO"]
    body = b"Hello\n"
    if path == "/pid":
        body = str(os.getpid()).encode()
    elif path == "/about":
        module = ".".join(map(str, environ.get("mod_wsgi.version", ())))
        body = f"{platform.python_version()} {module}".strip().encode()
    elif path == "/slow":
        wanted = parse_qs(environ["QUERY_STRING"])
        if "note" in wanted:
            Path(__file__).with_name(wanted["note"][0]).write_text(str(os.getpid()))
        time.sleep(float(wanted["seconds"][0]))
        body = b"slow\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


application = app
