"""What all rows of a run share: cores, lengths, a folder, one PostgreSQL and one Redis."""

import fcntl
import itertools
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from benchmarks.harness.postgresql import PostgreSQL, postgresql
from benchmarks.harness.processes import free_port, program_path, running

T = TypeVar("T")


class Stage:
    """`seconds` is the length of a round, `rounds` how many each arm has.

    PostgreSQL and Redis start when a row first asks. Servers that a row starts end with the row.
    """

    def __init__(self, run: ExitStack, *, seconds: int, rounds: int) -> None:
        self.seconds, self.rounds = seconds, rounds
        usable = sorted(os.sched_getaffinity(0))
        # The load, the databases and this program share a core; what is measured has the other.
        self.load_core, self.server_core = usable[0], usable[-1]
        self.row = ExitStack()
        self._run = run
        self._numbers = itertools.count()

    @cached_property
    def folder(self) -> Path:
        return Path(self._run.enter_context(tempfile.TemporaryDirectory(prefix="authapi-bench-")))

    @cached_property
    def postgresql(self) -> PostgreSQL:
        return self._run.enter_context(postgresql(self.load_core))

    @cached_property
    def _redis(self) -> str:
        return self._run.enter_context(_redis_server(self.load_core, self.folder))

    def redis_url(self) -> str:
        """Return the URL of a database that nobody else uses. Raises MissingProgramError."""
        return f"{self._redis}/{next(self._numbers) % 16}"

    def start(self, what: AbstractContextManager[T]) -> T:
        """Enter a context that ends with the row."""
        return self.row.enter_context(what)

    def file_of(self, lines: Iterable[str]) -> str:
        """Write a file for the load generator and return its path."""
        path = self.folder / f"lines-{next(self._numbers)}.txt"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other run of this user measures: two would measure each other."""
    with Path(tempfile.gettempdir(), f"authapi-bench-{os.getuid()}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("Another run is measuring on this machine: waiting for its end.\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _redis_server(core: int, folder: Path) -> Iterator[str]:
    """Run a Redis that keeps nothing on disk; its URL has no number of a database."""
    port = free_port()
    address = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    words = [program_path("redis-server"), *address, "--save", "", "--appendonly", "no"]
    with running(words, core=core):
        with Redis(port=port, retry=Retry(ConstantBackoff(0.02), 1000)) as client:
            client.ping()
        yield f"redis://127.0.0.1:{port}"
