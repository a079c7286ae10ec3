"""How Alembic runs: in the transaction of `flask-site init-db`, or of the command `alembic`."""

import warnings

from alembic import context
from sqlalchemy import Connection

from flask_site.app import create_app
from flask_site.models import Base

warnings.filterwarnings("ignore", message=".*expression-based index")  # SQLite cannot show these to be compared


def run(connection: Connection) -> None:
    """Run the migrations over an open connection."""
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


if connection := context.config.attributes.get("connection"):
    run(connection)
else:  # the command `alembic`, for those who write a migration
    with create_app().extensions["engine"].begin() as connection:
        run(connection)
