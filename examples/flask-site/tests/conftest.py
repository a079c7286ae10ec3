"""What the tests share: a database per test, the application over it, and who asks it."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_site import create_app
from flask_site.database import make_engine, upgrade
from flask_site.settings import Settings
from pydantic import SecretStr
from sqlalchemy import Engine, make_url, text
from werkzeug.test import TestResponse

KEY = "a-key-for-tests"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
SERVER = os.environ.get("TEST_DATABASE_URL", "").replace("postgresql://", "postgresql+psycopg://")
DATABASES = ["sqlite", "postgresql"] if SERVER else ["sqlite"]
on_a_server = pytest.mark.parametrize("database_url", DATABASES[1:], indirect=True)

# A package as people enter it, and all that the tests know of its fields.
PACKAGE = {
    "name": "Flask",
    "summary": "A small framework.",
    "url": "https://flask.palletsprojects.com/",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if not SERVER:
        terminalreporter.write_line("Without PostgreSQL: TEST_DATABASE_URL names no empty database to fill.")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the settings of the machine that the tests run on."""
    for name in os.environ:
        if name.upper().startswith("FLASK_SITE_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)


# --8<-- [start:database]
@pytest.fixture(scope="session", params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a database; each test runs with each of these."""
    if request.param == "postgresql":
        return SERVER
    return f"sqlite:///{(tmp_path_factory.mktemp('database') / 'test.db').as_posix()}"


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """Make the tables, once; connections of this engine are beside those of the application."""
    engine = make_engine(make_url(database_url))
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def no_rows(engine: Engine) -> None:
    """Empty the tables, and count from 1 again."""
    on_a_server = engine.dialect.name == "postgresql"
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE packages RESTART IDENTITY" if on_a_server else "DELETE FROM packages"))


# --8<-- [end:database]


# --8<-- [start:app]
@pytest.fixture(scope="session")
def settings(database_url: str) -> Settings:
    """Return settings as a deployment has them."""
    return Settings(
        secret_key=SecretStr("a secret key of the tests only, of 32 characters"),
        database_url=SecretStr(database_url),
        api_keys=(hashlib.sha256(KEY.encode()).hexdigest(),),
        secure_cookies=False,
    )


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[Flask]:
    """Return the application that most tests share."""
    app = create_app(settings)
    yield app
    app.extensions["engine"].dispose()


@pytest.fixture
def client(app: Flask, no_rows: None) -> FlaskClient:
    """Return who asks the application; there is no package."""
    return app.test_client()


@pytest.fixture
def make(settings: Settings, no_rows: None) -> Iterator[Callable[..., Flask]]:
    """Give a function that makes an application with other settings."""
    made = []

    def make(**changes: object) -> Flask:
        made.append(create_app(settings.model_copy(update=changes)))
        return made[-1]

    yield make
    for app in made:
        app.extensions["engine"].dispose()


# --8<-- [end:app]


def hidden(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of the form on a page: the token against forgery, and the version."""
    return dict(re.findall(r'name="(\w+)" type="hidden" value="([^"]*)"', page.text))


def submit(client: FlaskClient, path: str, fields: dict[str, object] | None = None) -> TestResponse:
    """Fill in the form of a page as a browser does, and send it."""
    return client.post(path, data={**hidden(client.get(path)), **(fields or {})})


def add(client: FlaskClient, **changes: object) -> dict[str, object]:
    """Add a package by the API, and return it."""
    answer = client.post("/api/packages", json={**PACKAGE, **changes}, headers=AUTHORIZED)
    assert answer.status_code == 201, answer.text
    return answer.json
