"""Migrations: up and down, with data, by several processes at once, and by hand."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from authapi import clock
from authapi.db import migrations
from authapi.db.database import open_database
from authapi.db.models import Model
from authapi.errors import OperatorError
from tests.support.api import Api
from tests.support.forked import Forked
from tests.support.settings import SECRET, environment

REPOSITORY = Path(__file__).parents[2]
TABLES = {table.name for table in Model.metadata.sorted_tables}
MIGRATED = "The database is at the newest migration.\n"
ALEMBIC = Path(sys.executable).with_name("alembic")


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def is_behind(url: str) -> bool:
    db = open_database(url, clock.now)
    try:
        return migrations.missing(db)
    finally:
        db.close()


def tables(url: str) -> set[str]:
    with connected(url) as connection:
        return set(inspect(connection).get_table_names()) - {migrations.VERSION_TABLE}


def test_the_newest_migration_makes_what_the_models_say(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    with connected(empty_url) as connection:
        known = {"compare_type": True, "version_table": migrations.VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=known)
        assert compare_metadata(context, Model.metadata) == []


def test_an_empty_database_is_behind_until_it_is_migrated(empty_url: str) -> None:
    assert is_behind(empty_url)
    migrations.upgrade(empty_url)
    assert not is_behind(empty_url)


def test_going_down_leaves_nothing_and_up_again_makes_it_all(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    migrations.downgrade(empty_url, "base")
    assert tables(empty_url) == set()
    migrations.upgrade(empty_url)
    assert tables(empty_url) == TABLES


def test_migrating_again_changes_nothing(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    migrations.upgrade(empty_url)
    assert tables(empty_url) == TABLES


def test_migrating_keeps_what_is_there(api: Api, database_url: str) -> None:
    tokens = api.register_and_login()
    migrations.upgrade(api.app.state.runtime.settings.database_url)
    api.refreshed(tokens.refresh)


def test_a_schema_from_a_later_release_is_not_behind(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    with connected(empty_url) as connection:
        connection.execute(text("UPDATE authapi_alembic_version SET version_num = 'later'"))
        connection.commit()
    assert not is_behind(empty_url)


def test_a_failed_migration_leaves_the_database_as_it_was(empty_url: str) -> None:
    with connected(empty_url) as connection:
        connection.execute(text("CREATE TABLE sessions (in_the_way integer)"))
        connection.commit()
    with pytest.raises(Exception, match="sessions"):
        migrations.upgrade(empty_url)
    assert tables(empty_url) == {"sessions"}


def test_two_processes_that_migrate_at_once_both_succeed(empty_url: str, tmp_path: Path) -> None:
    ours = environment(database_url=empty_url, secret=SECRET)
    logs = [tmp_path / "one.log", tmp_path / "other.log"]
    both = [Forked("migrate", folder=tmp_path, environment=ours, log_file=log) for log in logs]
    assert [process.wait(60) for process in both] == [0, 0]
    assert [log.read_text() for log in logs] == [MIGRATED, MIGRATED]
    assert tables(empty_url) == TABLES


@pytest.mark.parametrize("arguments", [("upgrade", "head"), ("downgrade", "base"), ("check",)])
def test_alembic_by_hand_works_in_a_clone(arguments: tuple[str, ...], empty_url: str) -> None:
    if arguments != ("upgrade", "head"):
        migrations.upgrade(empty_url)
    subprocess.run(
        [ALEMBIC, *arguments],
        cwd=REPOSITORY,
        env=environment(database_url=empty_url, secret=SECRET),
        check=True,
        timeout=60,
    )
    assert bool(tables(empty_url)) == (arguments != ("downgrade", "base"))


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="No such file or directory"):
        migrations.upgrade(f"sqlite:///{tmp_path}/no/such/folder/a.db")


def test_the_newest_migration_is_the_one_that_a_start_looks_for() -> None:
    script = ScriptDirectory(str(REPOSITORY / "alembic"))
    assert list(script.get_heads()) == [migrations.NEWEST_REVISION]
    assert migrations.NEWEST_REVISION in migrations._known()
