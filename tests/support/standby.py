"""A standby of a test's PostgreSQL, made by pg_basebackup. It may lag, and be promoted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.support.breakable_postgresql import BreakablePostgreSQL
from tests.support.until import until

# A port is a part of the name of a Unix socket: two servers share a folder.
PORT = "5433"


class Standby:
    def __init__(self, primary: BreakablePostgreSQL, folder: Path) -> None:
        self._primary = primary
        self._folder = folder
        self._sockets = primary.sockets

    @classmethod
    @contextmanager
    def of(cls, primary: BreakablePostgreSQL) -> Iterator["Standby"]:
        """Run a standby that streams from the primary during the block."""
        folder = primary.data.with_name("standby")
        standby = cls(primary, folder)
        folder.mkdir(mode=0o700)
        owner = primary.data.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        from_primary = ("-h", primary.sockets, "-U", "postgres")
        primary.program(
            "pg_basebackup", *from_primary, "-D", str(folder), "-R", "-X", "stream", "-c", "fast"
        )
        try:
            standby.start()
            yield standby
        finally:
            standby._pg_ctl("-m", "immediate", "stop")
            shutil.rmtree(folder)

    def start(self) -> None:
        log, sockets = str(self._folder / "log"), f'-h "" -k {self._sockets} -p {PORT}'
        self._pg_ctl("-l", log, "-o", sockets, "start")

    @property
    def socket(self) -> Path:
        return Path(self._sockets) / f".s.PGSQL.{PORT}"

    def url(self, database: str, *, first: bool = True) -> str:
        """Return a URL of both servers, the standby first, or of the standby alone."""
        hosts = quote(self._sockets)
        if first:
            hosts += f",{hosts}&port={PORT},5432"
        else:
            hosts += f"&port={PORT}"
        return f"postgresql://postgres:@/{database}?host={hosts}"

    def lag(self) -> None:
        """Apply nothing more of what the primary sends."""
        self._execute("SELECT pg_wal_replay_pause()")

    def catch_up(self) -> None:
        self._execute("SELECT pg_wal_replay_resume()")

    def promote(self) -> None:
        """Make it a primary, as a switch-over does."""
        self._execute("SELECT pg_promote()")

    def has(self, database: str) -> bool:
        try:
            psycopg.connect(self.url(database, first=False)).close()
        except psycopg.OperationalError:
            return False
        return True

    def has_session(self, database: str, sid: str) -> bool:
        with psycopg.connect(self.url(database, first=False)) as connection:
            found = connection.execute("SELECT FROM sessions WHERE sid = %s", [sid])
            return bool(found.rowcount)

    def wait_for(self, database: str) -> None:
        """Wait until it has a database that the primary has."""
        until(lambda: self.has(database), every=0.05)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres", first=False), autocommit=True) as connection:
            connection.execute(statement)

    def _pg_ctl(self, *arguments: str) -> None:
        self._primary.program("pg_ctl", "-w", "-D", str(self._folder), *arguments)
