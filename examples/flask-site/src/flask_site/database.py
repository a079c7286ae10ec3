"""The database: its connections, the session of a request, and the migrations."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from sqlite3 import Connection as SqliteConnection

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app, g
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from flask_site.settings import Settings, SettingsError

WAIT = 5  # seconds for a connection, or for a lock that another holds
LOCK = 7_302_114  # any number; PostgreSQL lets one migrate at a time who asks for it


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its database; nothing is opened until a request needs it."""
    app.extensions["engine"] = make_engine(database_url(app, settings))
    app.teardown_appcontext(_close)


def database_url(app: Flask, settings: Settings) -> URL:
    """Return where the database is: by default a file in the instance folder."""
    if settings.database_url is None:
        return URL.create("sqlite", database=str(Path(app.instance_path, "flask-site.db")))
    return make_url(settings.database_url.get_secret_value())


# --8<-- [start:engine]
def make_engine(url: URL) -> Engine:
    """Return what makes and keeps connections.

    Args:
        url: of SQLite or PostgreSQL.

    Raises:
        SettingsError: the driver for PostgreSQL is not installed.
    """
    if url.drivername == "sqlite":
        engine = create_engine(url, connect_args={"timeout": WAIT}, pool_timeout=WAIT, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    limits = {
        "connect_timeout": WAIT,
        "tcp_user_timeout": 2000 * WAIT,  # milliseconds until a server that says nothing counts as gone
        # The last: a machine that is cut off in the middle of a transaction does not hold its locks for hours.
        "options": f"-c lock_timeout={WAIT}s -c statement_timeout={2 * WAIT}s"
        f" -c idle_in_transaction_session_timeout={2 * WAIT}s",
    }
    try:
        return create_engine(url, connect_args=limits, pool_pre_ping=True, pool_timeout=WAIT, hide_parameters=True)
    except ModuleNotFoundError:
        raise SettingsError(
            "FLASK_SITE_DATABASE_URL (environment): no driver for PostgreSQL; pip install 'psycopg[binary]'"
        ) from None


def _prepare_sqlite(connection: SqliteConnection, record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction: _begin_sqlite does
    connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
    connection.execute("PRAGMA synchronous = FULL")  # what is committed outlives a loss of power
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    # Who takes the lock at the start waits for it; who asks for it after reading is refused at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


# --8<-- [end:engine]


# --8<-- [start:session]
def get_session() -> Session:
    """Return the session of this request, made at its first use."""
    if "session" not in g:
        g.session = Session(current_app.extensions["engine"], expire_on_commit=False)
    return g.session


@contextmanager
def writing() -> Iterator[Session]:
    """Give a session whose changes are committed together at the end, or not at all.

    An answer that follows the block is an answer after the commit.
    """
    session = get_session()
    session.rollback()  # what was read before is read again
    session.connection(execution_options={"writes": True})
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def _close(error: BaseException | None) -> None:
    if "session" in g:
        with suppress(DBAPIError):  # a connection that is lost by now takes no answer away
            g.pop("session").close()


# --8<-- [end:session]


# --8<-- [start:migrate]
def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest migration; where they are, nothing happens.

    All migrations are one transaction. Of several who do it at once, one does and the others wait.
    """
    if engine.url.drivername == "sqlite":
        Path(engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        config = _config()
        config.attributes["connection"] = connection  # for migrations/env.py
        command.upgrade(config, "head")


def is_migrated(connection: Connection) -> bool:
    """Tell whether the tables are as this code needs them.

    A revision that this code does not know is of a newer release, which has migrated already.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    return current is not None and current not in _revisions()[1:]


@cache
def _revisions() -> list[str]:
    """List the revisions, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "flask_site:migrations")
    return config


# --8<-- [end:migrate]
