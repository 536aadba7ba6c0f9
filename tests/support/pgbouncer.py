"""A real PgBouncer on loopback, before a test's PostgreSQL: transaction pooling."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.support.server import free_port

PROGRAM = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
START_TIMEOUT = 60.0  # seconds
IGNORED = "options,extra_float_digits"

needs_pgbouncer = pytest.mark.skipif(
    PROGRAM is None, reason="there is no pgbouncer here: apt-get install pgbouncer"
)

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 500
server_reset_query = DISCARD ALL
ignore_startup_parameters = {ignored}
"""


class Pooled(Protocol):
    """A server, or an address that leads to one, and the user of this machine that it runs as."""

    @property
    def user(self) -> str: ...
    def url(self, database: str) -> str: ...


@contextmanager
def pooling(
    server: Pooled, *, size: int = 5, ignored: str = IGNORED, mode: str = "transaction"
) -> Iterator[int]:
    """Run a PgBouncer during the block; yield its port."""
    assert PROGRAM is not None
    place = conninfo_to_dict(server.url("postgres"))
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="authapi-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(
            CONFIGURATION.format(
                **{"port": 5432, **place}, listen_port=port, size=size, ignored=ignored, mode=mode
            )
        )
        # It does not run as root; and only its own user opens the socket of PostgreSQL.
        as_user = ["-u", server.user] if os.geteuid() == 0 else []
        log_file = Path(folder) / "log"
        with log_file.open("wb") as log:
            process = subprocess.Popen([PROGRAM, *as_user, str(file)], stdout=log, stderr=log)
        try:
            _wait_for_answer(port, log_file)
            yield port
        finally:
            process.kill()
            process.wait()


def url_through(port: int, database: str) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/{database}"


def _wait_for_answer(port: int, log: Path) -> None:
    deadline = monotonic() + START_TIMEOUT
    while True:
        try:
            psycopg.connect(url_through(port, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            assert monotonic() < deadline, f"pgbouncer does not answer:\n{log.read_text()}"
            sleep(0.02)
        else:
            return
