"""The command `flask-site`."""

import hashlib
import ipaddress
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
from alembic.util import CommandError
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from flask_site import assets, database, store
from flask_site.app import create_app
from flask_site.database import writing
from flask_site.fields import PackageFields
from flask_site.importing import BadFile, import_rows
from flask_site.server import serve as run_server
from flask_site.settings import SettingsError, load

ROWS = (
    PackageFields(
        name="Flask", summary="A small framework for web applications.", url="https://flask.palletsprojects.com/"
    ),
    PackageFields(name="SQLAlchemy", summary="Talk to databases in Python.", url="https://www.sqlalchemy.org/"),
    PackageFields(name="pytest", summary="Write small tests that are read with ease.", url="https://docs.pytest.org/"),
    PackageFields(
        name="waitress",
        summary="A WSGI server in pure Python.",
        url="https://docs.pylonsproject.org/projects/waitress/",
    ),
    PackageFields(
        name="alembic", summary="Change the tables of a database, step by step.", url="https://alembic.sqlalchemy.org/"
    ),
)


@click.group()
@click.version_option(package_name="flask-site", prog_name="flask-site")
def main() -> None:
    """A catalogue of the packages that a team likes."""


def make_app(**given: Any) -> Flask:
    """Return the application, or end with the status 2 and all that is wrong with the settings."""
    try:
        return create_app(load(**given))
    except SettingsError as problems:
        click.echo(f"flask-site: these settings are wrong\n{problems}", err=True)
        sys.exit(2)


@contextmanager
def database_faults() -> Iterator[None]:
    """Say in a line that the database cannot be used."""
    try:
        yield
    except (SQLAlchemyError, CommandError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise click.ClickException(f"the database cannot be used: {reason}") from None


# --8<-- [start:serve]
def require_migrations(connection: Connection) -> None:
    """End with what to do where the tables are missing, or are those of an older release."""
    if not database.is_migrated(connection):
        raise click.ClickException("the migrations are missing; run: flask-site init-db")


class Address(click.ParamType):
    """An IP address."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address as it is written."""
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            self.fail("expected an IP address, such as 127.0.0.1", param, ctx)


PORT = click.IntRange(0, 65535)


@main.command()
@click.option("--host", type=Address(), default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=PORT, default=8000, show_default=True, help="The port to listen on.")
@click.option("--trusted-proxy", type=Address(), help="The proxy that says who asks, and over which scheme.")
def serve(host: str, port: int, trusted_proxy: str | None) -> None:
    """Serve the site, until SIGTERM or Ctrl+C."""
    listen(make_app(), host, port, trusted_proxy)


def listen(app: Flask, host: str, port: int, trusted_proxy: str | None = None) -> None:
    """Serve, and say where."""
    shown = f"[{host}]" if ":" in host else host
    try:
        run_server(app, host, port, trusted_proxy, lambda port: click.echo(f"Serving on http://{shown}:{port}/"))
    except OSError as error:
        reason = (error.strerror or "").partition(" (while")[0]  # the address is said already
        raise click.ClickException(f"cannot listen on {shown}:{port}: {reason}") from None


# --8<-- [end:serve]


@main.command()
def init_db() -> None:
    """Make the tables, or bring them to the newest migration."""
    with database_faults():
        database.upgrade(make_app().extensions["engine"])
    click.echo("The tables are as this release needs them.")


# --8<-- [start:import]
@main.command("import")
@click.argument("file", type=click.File("rb"))
def import_file(file: BinaryIO) -> None:
    """Add a package for each row of a CSV file, or none at all."""

    def progress(count: int) -> None:
        click.echo(f"{count} rows read", err=True)

    try:
        with database_faults(), make_app().app_context(), writing() as session:
            require_migrations(session.connection())
            count = import_rows(session, file, progress)
    except BadFile as bad:
        for row in bad.rows:
            click.echo(row, err=True)
        raise click.ClickException(str(bad)) from None
    click.echo(f"{count} packages are imported.")


# --8<-- [end:import]


# --8<-- [start:check]
@main.command()
def check() -> None:
    """Say what is wrong with the settings, the database, the migrations and the static files."""
    engine = make_app().extensions["engine"]
    with database_faults(), engine.connect() as connection:
        require_migrations(connection)
    if "style.css" not in assets.hashed_names():
        raise click.ClickException("style.css is missing from the package; install it again from its wheel")
    click.echo("Settings, database, migrations and static files are as they should be.")


# --8<-- [end:check]


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def collect_static(folder: Path) -> None:
    """Write the static files into FOLDER, under the names that the pages use."""
    try:
        for file in assets.collect(folder):
            click.echo(file)
    except OSError as error:
        raise click.ClickException(f"cannot write into {folder}: {error.strerror}") from None


# --8<-- [start:new-key]
@main.command()
def new_key() -> None:
    """Make a key for the API. It is shown once; the settings keep its digest."""
    key = secrets.token_urlsafe(32)
    click.echo(f"key:    {key}")
    click.echo(f"digest: {hashlib.sha256(key.encode()).hexdigest()}")


# --8<-- [end:new-key]


# --8<-- [start:demo]
@main.command()
@click.option("--port", type=PORT, default=8000, show_default=True, help="The port to listen on.")
def demo(port: int) -> None:
    """Try the site: on this computer only, with a database that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(
            secret_key=secrets.token_urlsafe(32),
            database_url=f"sqlite:///{Path(folder, 'demo.db').as_posix()}",
            secure_cookies=False,
        )
        database.upgrade(app.extensions["engine"])
        with app.app_context(), writing() as session:
            for row in ROWS:
                store.add(session, row)
        click.echo("This is for trying: what you enter is gone when you stop it with Ctrl+C.")
        try:
            listen(app, "127.0.0.1", port)
        finally:
            app.extensions["engine"].dispose()  # so that the file is closed and can be removed


# --8<-- [end:demo]
