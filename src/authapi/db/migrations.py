"""Brings a database to the newest migration, and tells whether it is there.

Alembic is imported only where a migration is missing or unknown: it takes a quarter of a start and
8 MB of memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, NullPool, create_engine, inspect, text

from authapi.db.database import Database, unavailable_if_out_of_reach
from authapi.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST_REVISION = "0010"  # the revision of models.py
# Any number that nobody else locks. Of several processes one migrates, and the others wait.
MIGRATION_LOCK = 0x61757468
CONNECT_SECONDS = 5

_PACKAGE = Path(__file__).resolve().parents[1]


def upgrade(url: str, revision: str = "head") -> None:
    """Run the missing migrations in one transaction. Raises Unavailable."""
    from alembic import command

    config = _config()
    with exclusive(url) as config.attributes["connection"]:
        command.upgrade(config, revision)


def downgrade(url: str, revision: str) -> None:
    from alembic import command

    config = _config()
    with exclusive(url) as config.attributes["connection"]:
        command.downgrade(config, revision)


def missing(db: Database) -> bool:
    """Return whether the schema is behind this release. Raises Unavailable.

    A schema that is ahead is not behind: the old release goes on during a roll-out.
    """
    if (file := _sqlite_file(str(db.engine.url))) and not file.exists():
        return True
    with db.connect() as connection:
        current = _current(connection)
    return current != {NEWEST_REVISION} and current <= _known()


def _current(connection: Connection) -> set[str]:
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.scalars(text("SELECT version_num FROM alembic_version")))


@cache
def _known() -> frozenset[str]:
    """Return every revision of this release."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_config())
    return frozenset(revision.revision for revision in script.walk_revisions())


def _sqlite_file(url: str) -> Path | None:
    path = url.removeprefix("sqlite:///")
    return None if path == url else Path(path)


def _make_file(file: Path) -> None:
    """Make SQLite's file for its owner alone. SQLite gives the files beside it the same mode."""
    try:
        file.touch(mode=0o600)
    except OSError as error:
        raise Unavailable from error


@contextmanager
def exclusive(url: str) -> Iterator[Connection]:
    """Open a transaction that no second migration runs beside."""
    file = _sqlite_file(url)
    if file:
        _make_file(file)
    # An engine without time-outs: a migration may take longer than a request.
    primary = {"connect_timeout": CONNECT_SECONDS, "target_session_attrs": "read-write"}
    connect_args = {} if file else primary
    engine = create_engine(url, connect_args=connect_args, poolclass=NullPool)
    with unavailable_if_out_of_reach(), engine.connect() as connection:
        if file:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK})
        yield connection
        connection.commit()


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    installed = _PACKAGE / "alembic"  # in the wheel; a clone has it at the top
    scripts = installed if installed.is_dir() else _PACKAGE.parents[1] / "alembic"
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    return config
