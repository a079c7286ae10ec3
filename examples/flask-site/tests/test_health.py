"""Health: alive while the process answers, ready while the database does and has its tables."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import Engine, text


def health(client: FlaskClient) -> list[tuple[int, str]]:
    """Return both answers."""
    return [(answer.status_code, answer.text) for answer in (client.get("/healthz"), client.get("/readyz"))]


def test_a_site_with_its_database_is_alive_and_ready(client: FlaskClient) -> None:
    assert health(client) == [(200, "ok\n"), (200, "ok\n")]


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/file.db", "postgresql+psycopg://127.0.0.1:1/none"])
def test_without_a_database_it_is_alive_and_not_ready(make: Callable[..., Flask], url: str) -> None:
    if url.startswith("postgresql"):
        pytest.importorskip("psycopg", reason="no driver for PostgreSQL")
    client = make(database_url=SecretStr(url)).test_client()
    assert health(client) == [(200, "ok\n"), (503, "database unreachable\n")]
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


# --8<-- [start:revisions]
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM alembic_version", (503, "migrations missing\n")),
        ("UPDATE alembic_version SET version_num = 'newer'", (200, "ok\n")),  # by a release that comes after this one
    ],
)
def test_the_newest_migration_must_be_there(
    client: FlaskClient, engine: Engine, statement: str, said: tuple[int, str]
) -> None:
    with engine.begin() as connection:
        [revision] = connection.scalars(text("SELECT version_num FROM alembic_version"))
        connection.execute(text(statement))
    try:
        assert health(client) == [(200, "ok\n"), said]
    finally:
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM alembic_version"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


# --8<-- [end:revisions]


def test_without_its_table_a_page_may_be_tried_again(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE packages RENAME TO elsewhere"))
    try:
        answer = client.get("/")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO packages"))
    assert client.get("/").status_code == 200


def test_an_empty_database_is_not_ready(make: Callable[..., Flask], tmp_path: object) -> None:
    client = make(database_url=SecretStr(f"sqlite:///{tmp_path}/empty.db")).test_client()
    assert health(client) == [(200, "ok\n"), (503, "migrations missing\n")]
    assert client.get("/").status_code == 503
