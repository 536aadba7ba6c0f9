"""Brings a database to the newest migration, and tells whether it is there.

Alembic is imported only where a migration is missing or unknown: it takes a quarter of a start and
8 MB of memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, NullPool, create_engine, inspect, make_url, text

from authapi.db import surroundings
from authapi.db.database import Database, unavailable_if_out_of_reach
from authapi.db.engines import pooler
from authapi.db.remedies import explained, sqlite_file
from authapi.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "authapi_alembic_version"
SHARED_TABLE = "alembic_version"  # alembic's usual one, which any program may have
NEWEST_REVISION = "0016"  # the revision of models.py
# Any number that nobody else locks. Of several processes one migrates, and the others wait.
MIGRATION_LOCK = 0x61757468
CONNECT_SECONDS = 5

_PACKAGE = Path(__file__).resolve().parents[1]


def upgrade(url: str, revision: str = "head") -> None:
    """Run the missing migrations in one transaction. Raises Unavailable, OperatorError.

    A database of a later release stays as it is.
    """
    from alembic import command

    config = _config()
    with exclusive(url) as connection:
        current = _current(connection)
        if not current <= _known():
            return
        if current != {NEWEST_REVISION}:
            surroundings.require_room(connection, is_new=not current)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(url: str, revision: str) -> None:
    from alembic import command

    config = _config()
    with exclusive(url) as config.attributes["connection"]:
        command.downgrade(config, revision)


def missing(db: Database) -> bool:
    """Return whether the schema is behind this release. Raises Unavailable, OperatorError.

    A schema that is ahead is not behind: the old release goes on during a roll-out.
    """
    url = str(db.engine.url)
    with explained(url):
        if (file := sqlite_file(url)) and not _has_our_file(file):
            return True
        with db.connect() as connection:
            surroundings.require_text(connection)
            current = _current(connection)
            is_behind = current != {NEWEST_REVISION} and current <= _known()
            if not is_behind:
                surroundings.require_rights(connection)
    return is_behind


def _has_our_file(file: Path) -> bool:
    """Return whether SQLite's file has our tables. Opening it as ours would change its journal."""
    if not file.is_file():
        return False
    with _looking_at(file) as connection:
        return bool(_current(connection))


@contextmanager
def _looking_at(file: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{file}", poolclass=NullPool)
    with unavailable_if_out_of_reach(), engine.connect() as connection:
        yield connection


def _current(connection: Connection) -> set[str]:
    """Return the revisions that the database is at: none if it has no tables of ours."""
    tables = inspect(connection)
    if tables.has_table(VERSION_TABLE):
        return set(connection.scalars(text(f"SELECT version_num FROM {VERSION_TABLE}")))  # noqa: S608
    if tables.has_table(SHARED_TABLE) and surroundings.has_our_tables(connection):
        rows = set(connection.scalars(text(f"SELECT version_num FROM {SHARED_TABLE}")))  # noqa: S608
        return rows & _known() or rows
    return set()


def _take_over(connection: Connection) -> str | None:
    """Copy our revision into a table of our own; return it if it was in alembic's usual one."""
    if inspect(connection).has_table(VERSION_TABLE) or not (current := _current(connection)):
        return None
    [revision] = current
    connection.execute(
        text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    )
    _write(connection, f"INSERT INTO {VERSION_TABLE} VALUES (:new)", new=revision)  # noqa: S608
    return revision


def _tell_previous_release(connection: Connection, revision: str) -> None:
    """Write the new revision where a release without our own table looks for it."""
    for new in _current(connection):
        statement = f"UPDATE {SHARED_TABLE} SET version_num = :new WHERE version_num = :old"  # noqa: S608
        _write(connection, statement, new=new, old=revision)


def _write(connection: Connection, statement: str, **values: str) -> None:
    connection.execute(text(statement), values)


@cache
def _known() -> frozenset[str]:
    """Return every revision of this release."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_config())
    return frozenset(revision.revision for revision in script.walk_revisions())


def _make_file(file: Path) -> None:
    """Make SQLite's file for its owner alone. SQLite gives the files beside it the same mode."""
    try:
        if not file.exists():
            file.touch(mode=0o600)
    except OSError as error:
        raise Unavailable from error


@contextmanager
def exclusive(url: str) -> Iterator[Connection]:
    """Open a transaction that no second migration runs beside."""
    with explained(url), unavailable_if_out_of_reach(), _engine(url).connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            if options := make_url(url).query.get("options"):
                connection.execute(pooler.for_one_transaction(str(options)))
            surroundings.require_text(connection)
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK})
        taken_over = _take_over(connection)
        yield connection
        if taken_over:
            _tell_previous_release(connection, taken_over)
        connection.commit()


def _engine(url: str) -> Engine:
    """Return an engine without time-outs: a migration may take longer than a request."""
    if file := sqlite_file(url):
        _make_file(file)
        return create_engine(url, poolclass=NullPool)
    # Behind a pooler another client would meet the name of a prepared statement.
    connect_args = {
        "connect_timeout": CONNECT_SECONDS,
        "target_session_attrs": "read-write",
        "prepare_threshold": None,
        "client_encoding": "utf8",
    }
    return create_engine(url, connect_args=connect_args, poolclass=NullPool)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    installed = _PACKAGE / "alembic"  # in the wheel; a clone has it at the top
    scripts = installed if installed.is_dir() else _PACKAGE.parents[1] / "alembic"
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    return config
