"""What the tests share."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_site import create_app
from flask_site.database import upgrade
from flask_site.settings import Settings
from pydantic import SecretStr


@pytest.fixture
def database_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/test.db"


@pytest.fixture
def app(database_url: str) -> Flask:
    app = create_app(Settings(secret_key=SecretStr("k" * 32), database_url=SecretStr(database_url)))
    upgrade(app.extensions["engine"])
    yield app
    app.extensions["engine"].dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
