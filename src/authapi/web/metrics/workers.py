"""The numbers of all workers of a server, in files that every worker reads.

The folder is PROMETHEUS_MULTIPROC_DIR, as for prometheus_client's own multi-process mode, which
takes 17 us a request where this takes less than one. `authapi serve --workers` makes a folder.

Each worker has one file mapped into its memory, and counts there. It holds a lock on that file as
long as it lives: the kernel frees it after any death. A free file is one of a worker that ended.

  a worker  lives                     has ended
  counters  summed                    summed: no counter ever falls
  gauges    joined by their rule      left out
  its file  locked                    the next worker that starts goes on in it

So there are never more files than there were workers at one moment. A worker writes its gauges once
a second; the one that is asked reads its own.
"""

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.metadata import version
from io import BufferedRandom
from itertools import count
from math import nan
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from authapi.logs import log
from authapi.tally import Counts
from authapi.web.metrics.families import Gauge

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PAUSE_SECONDS = 1.0
BYTES = 8  # of a number


class Workers:
    """This process's numbers, and those of the other workers between `join` and `leave`."""

    def __init__(self, counts: Sequence[Counts], gauges: Sequence[Gauge]) -> None:
        self._counts, self._gauges = counts, gauges
        # A file begins with the moment of its gauges, then come the gauges, then the counts.
        self._size = 1 + len(gauges) + sum(map(len, counts))
        self._file: BufferedRandom | None = None
        self._memory = memoryview(bytearray(BYTES * self._size)).cast("d")
        self._leaving = Event()

    def join(self) -> None:
        """Count in a file of the folder, if there is one. An error leaves the numbers private."""
        folder = os.environ.get(FOLDER_VARIABLE)
        if not folder or self._file:
            return
        try:
            self._file = _take(self._pattern(Path(folder)), BYTES * self._size)
            memory = memoryview(mmap.mmap(self._file.fileno(), BYTES * self._size)).cast("d")
        except OSError as error:
            log.warning("metrics_not_shared", reason=str(error))
            self._file = None
            return
        start = 1 + len(self._gauges)
        for counts in self._counts:
            counts.move_to(memory[start : start + len(counts)])
            start += len(counts)
        self._memory = memory
        self._write_gauges()
        self._leaving.clear()
        Thread(target=self._run, name="authapi-metrics", daemon=True).start()

    def leave(self) -> None:
        """Give the file to another worker, and count privately, from nothing."""
        self._leaving.set()
        for counts in self._counts if self._file else ():
            counts.leave_memory()
        if self._file:
            unlock(self._file.fileno())  # the mapping holds a descriptor of its own
            self._file.close()
        self._file = None

    def numbers(self) -> dict[Counts, list[float]]:
        """Return the numbers of each object that counts, summed over all files."""
        others = [memory for memory, _ in self._others()]
        summed, start = {}, 1 + len(self._gauges)
        for counts in self._counts:
            parts = [memory[start : start + len(counts)] for memory in others]
            summed[counts] = [sum(each) for each in zip(counts.numbers(), *parts, strict=True)]
            start += len(counts)
        return summed

    def gauges(self) -> list[list[float]]:
        """Return the gauges of each worker that lives, this one first. NaN: not known."""
        living = [self._others_gauges(memory) for memory, is_alive in self._others() if is_alive]
        return [self._own_gauges(), *living]

    def _own_gauges(self) -> list[float]:
        values = (gauge.read() for gauge in self._gauges)
        return [nan if value is None else float(value) for value in values]

    def _others_gauges(self, memory: "memoryview[float]") -> list[float]:
        silent = max(0.0, monotonic() - memory[0] - PAUSE_SECONDS)
        values = memory[1 : 1 + len(self._gauges)]
        pairs = zip(values, self._gauges, strict=True)
        return [value + silent if gauge.is_age else value for value, gauge in pairs]

    def _write_gauges(self) -> None:
        for place, value in enumerate(self._own_gauges(), start=1):
            self._memory[place] = value
        self._memory[0] = monotonic()

    def _run(self) -> None:
        while not self._leaving.wait(PAUSE_SECONDS):
            with suppress(Exception):  # a gauge that can't be read must not end the thread
                self._write_gauges()

    def _others(self) -> Iterator[tuple["memoryview[float]", bool]]:
        """Yield the numbers in each file of another worker, and whether the worker lives."""
        if not self._file:
            return
        for path in _existing(self._pattern(Path(os.environ[FOLDER_VARIABLE]))):
            with suppress(OSError), path.open("rb") as file:
                if not os.path.samestat(os.fstat(file.fileno()), os.fstat(self._file.fileno())):
                    content = file.read(BYTES * self._size)
                    if len(content) == BYTES * self._size:
                        yield memoryview(content).cast("d"), not lock(file.fileno(), shared=True)

    def _pattern(self, folder: Path) -> Path:
        """Return a path whose end is to be numbered. Another release has files of its own."""
        names = [gauge.name + gauge.label_value for gauge in self._gauges]
        layout = f"{version('authapi')} {self._size} {names}"
        return folder / f"authapi-{sha256(layout.encode()).hexdigest()[:12]}"


def _existing(pattern: Path) -> list[Path]:
    return sorted(pattern.parent.glob(f"{pattern.name}-*"))


def _take(pattern: Path, size: int) -> BufferedRandom:
    """Return a file that no living worker counts in, locked: an ended one's, or a new one."""
    for number in count():
        descriptor = os.open(f"{pattern}-{number}", os.O_RDWR | os.O_CREAT, 0o600)
        file = os.fdopen(descriptor, "r+b")
        if lock(descriptor):
            with _closed_after_an_error(file):
                file.truncate(size)
                _require_space(descriptor, size)
            return file
        file.close()
    raise AssertionError


@contextmanager
def _closed_after_an_error(file: BufferedRandom) -> Iterator[None]:
    try:
        yield
    except OSError:
        file.close()
        raise


def _require_space(descriptor: int, size: int) -> None:
    """Take the file's space now. Raises OSError.

    A file of a given size has holes. On a full disk the first number in a hole is SIGBUS, which
    kills the process. What is in the file stays.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS
        os.posix_fallocate(descriptor, 0, size)


def lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock the file for as long as the descriptor is open. Return whether nobody else has."""
    import fcntl  # not on every system

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)
