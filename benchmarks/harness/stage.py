"""What all rows of a run share: cores, lengths, a folder, one PostgreSQL and one Redis."""

import itertools
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.harness.alone import alone
from benchmarks.harness.cores import Cores
from benchmarks.harness.postgresql import PostgreSQL, postgresql
from benchmarks.harness.redis_server import redis_server


class Stage:
    """`seconds` is how long a round of an arm takes; servers start when a row first asks."""

    def __init__(self, *, seconds: int, rounds: int) -> None:
        self.seconds, self.rounds = seconds, rounds
        self.cores = Cores.of_this_machine()
        self._stack = ExitStack()
        self._numbers = itertools.count()
        self._redis_numbers = itertools.count()

    @cached_property
    def folder(self) -> Path:
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="authapi-bench-")))

    @cached_property
    def postgresql(self) -> PostgreSQL:
        return self._stack.enter_context(postgresql(self.cores.load))

    @cached_property
    def _redis(self) -> str:
        return self._stack.enter_context(redis_server(self.cores.load))

    def redis_url(self) -> str:
        """A database of its own for each that asks. Raises NotMeasured."""
        return f"{self._redis}/{next(self._redis_numbers) % 16}"

    def file_of(self, lines: Iterable[str]) -> str:
        """A file for the load generator: its path."""
        path = self.folder / f"lines-{next(self._numbers)}.txt"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)

    def __enter__(self) -> Self:
        self._stack.enter_context(alone())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
