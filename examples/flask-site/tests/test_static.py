"""Static files: found under a name with a hash, kept for ever; and all of them in the wheel."""

import re
from pathlib import Path

from flask.testing import FlaskClient
from flask_site import assets


# --8<-- [start:hashed]
def test_a_page_names_its_style_by_its_hash_and_the_browser_keeps_it(client: FlaskClient) -> None:
    [path] = re.findall(r'href="(/static/style[^"]*)"', client.get("/").text)
    assert re.fullmatch(r"/static/style\.[0-9a-f]{12}\.css", path)
    answer = client.get(path, buffered=True)  # read whole, so that the file is closed
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert b"prefers-color-scheme" in answer.data


# --8<-- [end:hashed]


def test_a_name_without_hash_is_asked_for_each_time(client: FlaskClient) -> None:
    answer = client.get("/static/favicon.svg", buffered=True)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    again = client.get("/static/favicon.svg", headers={"If-None-Match": answer.headers["ETag"]}, buffered=True)
    assert (again.status_code, again.data) == (304, b"")


def test_another_hash_or_file_is_not_found(client: FlaskClient) -> None:
    paths = ["style.000000000000.css", "../app.py", "%2e%2e/app.py", "..%5capp.py", "%00", "", ".", "style.css/"]
    assert [path for path in paths if client.get(f"/static/{path}").status_code != 404] == []


def test_all_files_are_written_for_a_web_server(tmp_path: Path) -> None:
    old = tmp_path / "style.old.css"
    old.touch()
    written = assets.collect(tmp_path)
    assert sorted(file.name for file in written) == sorted(assets.hashed_names().values())
    assert sorted(tmp_path.iterdir()) == sorted([old, *written])
    for name, hashed in assets.hashed_names().items():
        assert (tmp_path / hashed).read_bytes() == (assets.FOLDER / name).read_bytes()
    assert assets.collect(tmp_path) == written


def test_nothing_on_the_pages_comes_from_elsewhere_or_runs(client: FlaskClient) -> None:
    for path in ("/", "/packages/add", "/import", "/none"):
        page = client.get(path).text
        assert re.findall(r'(?:src|href|action)="(?!/|#)[^"]*"', page) == []
        assert re.findall(r"<script|style=|\son\w+=|@import", page) == []
