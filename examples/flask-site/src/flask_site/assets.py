"""Static files under names that hold a hash of what is in them, so that a browser keeps each for ever."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, abort, send_from_directory
from werkzeug.wrappers import Response

from flask_site.settings import Settings

FOLDER = Path(__file__).with_name("static")
FOR_EVER = "public, max-age=31536000, immutable"


# --8<-- [start:hashed]
@cache
def hashed_names() -> dict[str, str]:
    """Return the name with its hash of each static file, such as style.1a2b3c4d5e6f.css of style.css."""
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(FOLDER).as_posix(): _hashed(path) for path in files}


def _hashed(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return path.relative_to(FOLDER).with_name(f"{path.stem}.{digest}{path.suffix}").as_posix()


# --8<-- [end:hashed]


# --8<-- [start:static]
def init_app(app: Flask, settings: Settings) -> None:
    """Serve the static files, and let `url_for` give their names with the hash."""
    app.add_url_rule("/static/<path:filename>", "static", serve)
    app.url_defaults(_hash)


def _hash(endpoint: str, values: dict[str, str]) -> None:
    if endpoint == "static":
        values["filename"] = hashed_names().get(values["filename"], values["filename"])


def serve(filename: str) -> Response:
    """Send a static file. A name with a hash never means another content; one without is asked for each time."""
    plain = {hashed: name for name, hashed in hashed_names().items()}
    name = plain.get(filename, filename)
    if name not in hashed_names():
        abort(404)
    response = send_from_directory(FOLDER, name, etag=hashed_names()[name])
    response.headers["Cache-Control"] = FOR_EVER if filename in plain else "no-cache"
    return response


# --8<-- [end:static]


# --8<-- [start:collect]
def collect(folder: Path) -> list[Path]:
    """Write the static files under their names with the hash, for a web server that serves them itself.

    Files of earlier releases stay: pages that are still open ask for them.

    Returns:
        The files.
    """
    written = []
    for name, hashed in hashed_names().items():
        target = folder / hashed
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}")
        draft.write_bytes((FOLDER / name).read_bytes())
        written.append(draft.replace(target))
    return written


# --8<-- [end:collect]
