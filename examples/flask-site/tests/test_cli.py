"""The command: what it does, what it prints, and its exit status."""

import hashlib
import json
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask_site import assets, cli
from sqlalchemy import text

SECRET = "a secret key of the tests only, of 32 characters"
CSV = "name,summary,url\nFlask,A framework.,https://flask.palletsprojects.com/\n"


@pytest.fixture
def new_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the settings; the database is a file that is not there yet."""
    file = tmp_path / "new" / "site.db"
    monkeypatch.setenv("FLASK_SITE_SECRET_KEY", SECRET)
    monkeypatch.setenv("FLASK_SITE_DATABASE_URL", f"sqlite:///{file.as_posix()}")
    return file


@pytest.fixture(autouse=True)
def close_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the connections of the applications that the commands make."""
    made: list[Flask] = []
    original = cli.create_app

    def create_app(*arguments: object) -> Flask:
        made.append(original(*arguments))
        return made[-1]

    monkeypatch.setattr(cli, "create_app", create_app)
    yield
    for app in made:
        app.extensions["engine"].dispose()


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, [*map(str, arguments)])


# --8<-- [start:commands]
def test_from_an_empty_folder_to_a_site_that_is_as_it_should_be(new_database: Path, tmp_path: Path) -> None:
    missing = run("check")
    assert (missing.exit_code, missing.output) == (
        1,
        "Error: the database cannot be used: unable to open database file\n",
    )
    for _ in range(2):
        made = run("init-db")
        assert (made.exit_code, made.output) == (0, "The tables are as this release needs them.\n")
    good = run("check")
    assert (good.exit_code, good.output) == (
        0,
        "Settings, database, migrations and static files are as they should be.\n",
    )
    file = tmp_path / "packages.csv"
    file.write_text(CSV, encoding="utf-8")
    imported = run("import", file)
    assert (imported.exit_code, imported.stdout, imported.stderr) == (
        0,
        "1 packages are imported.\n",
        "1 rows read\n",
    )
    again = run("import", file)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr.splitlines() == [
        "1 rows read",
        "line 2, name: there is a package of this name",
        "Error: nothing is imported, faults found: 1",
    ]


# --8<-- [end:commands]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("file").touch()
    monkeypatch.setenv("FLASK_SITE_SECRET_KEY", SECRET)
    monkeypatch.setenv("FLASK_SITE_DATABASE_URL", f"sqlite:///{tmp_path.as_posix()}/file/folder/site.db")
    result = run("init-db")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith("Error: the database cannot be used: ")


def test_the_demo_reads_the_settings_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SITE_MAX_BODY", "x")
    result = run("demo")
    assert result.exit_code == 2
    assert result.output.splitlines()[1:] == [
        "FLASK_SITE_MAX_BODY (environment): Input should be a valid integer, unable to parse string as an integer"
    ]


def test_missing_migrations_are_named(new_database: Path) -> None:
    new_database.parent.mkdir()
    file = new_database.with_name("packages.csv")
    file.write_text(CSV, encoding="utf-8")
    for arguments in (["check"], ["import", file]):
        result = run(*arguments)
        assert (result.exit_code, result.output) == (1, "Error: the migrations are missing; run: flask-site init-db\n")


def test_tables_of_a_newer_release_are_left_alone(new_database: Path) -> None:
    run("init-db")
    engine = cli.create_app().extensions["engine"]
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
    result = run("init-db")
    assert result.exit_code == 1
    assert result.output == "Error: the database cannot be used: Can't locate revision identified by 'newer'\n"


def test_missing_static_files_are_named(new_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("init-db")
    monkeypatch.setattr(assets, "hashed_names", dict)
    result = run("check")
    assert (result.exit_code, result.output) == (
        1,
        "Error: style.css is missing from the package; install it again from its wheel\n",
    )


def test_a_file_that_is_not_there_is_named(new_database: Path) -> None:
    result = run("import", "none.csv")
    assert result.exit_code == 2
    assert "'none.csv': No such file or directory" in result.output


def test_static_files_are_collected_without_settings(tmp_path: Path) -> None:
    result = run("collect-static", tmp_path / "static")
    assert result.exit_code == 0
    assert sorted(result.output.splitlines()) == sorted(map(str, (tmp_path / "static").iterdir()))
    tmp_path.joinpath("file").touch()
    result = run("collect-static", tmp_path / "file" / "folder")
    assert (result.exit_code, result.output.partition(":")[0]) == (1, "Error")


def test_a_new_key_is_shown_with_its_digest() -> None:
    keys = set()
    for _ in range(2):
        result = run("new-key")
        (_, key), (_, digest) = (line.split() for line in result.output.splitlines())
        assert hashlib.sha256(key.encode()).hexdigest() == digest
        assert len(key) == 43
        keys.add(key)
    assert len(keys) == 2


# --8<-- [start:demo]
def test_the_demo_serves_pages_with_rows_and_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    pages: dict[str, str] = {}

    def visit(port: int) -> None:
        try:
            for path in ("/", "/api/packages", f"/static/{assets.hashed_names()['style.css']}"):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                    pages[path] = answer.read().decode()
        finally:
            signal.raise_signal(signal.SIGTERM)

    original = cli.run_server

    def serve(app: Flask, host: str, port: int, proxy: str | None, started: object) -> None:
        original(app, host, port, proxy, lambda port: threading.Thread(target=visit, args=[port]).start())

    monkeypatch.setattr(cli, "run_server", serve)
    result = run("demo", "--port", "0")
    assert result.exit_code == 0
    assert "This is for trying" in result.output
    assert json.loads(pages["/api/packages"])["total"] == 5
    assert "SQLAlchemy" in pages["/"]


# --8<-- [end:demo]


def test_a_port_that_is_taken_is_named(new_database: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", port)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: cannot listen on 127.0.0.1:{port}: ")
    assert result.output.count("127.0.0.1") == 1


@pytest.mark.parametrize(
    "arguments", [["serve", "--host", "localhost"], ["serve", "--port", "65536"], ["serve", "--trusted-proxy", "*"]]
)
def test_a_wrong_option_is_refused(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert arguments[1] in result.output


def test_the_version_is_that_of_the_package() -> None:
    result = run("--version")
    assert (result.exit_code, result.output) == (0, "flask-site, version 1.0\n")
