"""The migrations: they make what the models say, once, whoever runs them and however often."""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_site.database import is_migrated, make_engine, upgrade
from flask_site.models import Base
from sqlalchemy import Engine, create_engine, inspect, make_url


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # which SQLite cannot show
def test_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    with engine.connect() as connection:
        assert is_migrated(connection)
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_run_again_they_change_nothing(engine: Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        assert is_migrated(connection)


def test_sqlite_keeps_what_is_committed_and_lets_readers_go_on(tmp_path: Path) -> None:
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/site.db"))
    with engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    engine.dispose()
    assert found == ["wal", 2, 1, 5000]


# --8<-- [start:at-once]
def test_several_can_migrate_at_once(tmp_path: Path) -> None:
    engines = [make_engine(make_url(f"sqlite:///{tmp_path}/new folder/site.db")) for _ in range(8)]
    faults: list[Exception] = []

    def run(engine: Engine) -> None:
        try:
            upgrade(engine)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=[engine]) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with engines[0].connect() as connection:
        assert is_migrated(connection)
    for engine in engines:
        engine.dispose()
    assert faults == []


# --8<-- [end:at-once]


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise RuntimeError("the power fails")

    monkeypatch.setattr("alembic.op.create_index", broken)
    url = make_url(f"sqlite:///{tmp_path}/site.db")
    engine = make_engine(url)
    with pytest.raises(RuntimeError, match="the power fails"):
        upgrade(engine)
    engine.dispose()
    plain = create_engine(url)
    assert inspect(plain).get_table_names() == []
    plain.dispose()
