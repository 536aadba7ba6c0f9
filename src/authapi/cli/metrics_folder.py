"""The folder where the workers of `authapi serve` share the numbers of /metrics."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from time import time  # noqa: TID251 - compared with the time of a file

from authapi.logs import log
from authapi.web.metrics.workers import FOLDER_VARIABLE, lock

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
PREFIX, LOCK_NAME = "authapi-metrics-", "server"
LEFT_AFTER_SECONDS = 60.0


@contextmanager
def metrics_folder() -> Iterator[None]:
    """Name a folder for the workers in the environment. It goes with the server.

    In memory, where that is a folder: no number waits for a disk. Without any folder each worker
    counts for itself.
    """
    if os.environ.get(FOLDER_VARIABLE):
        yield
        return
    parent = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else Path(gettempdir())
    with ExitStack() as stack:
        try:
            _remove_left(parent)
            name = stack.enter_context(TemporaryDirectory(prefix=PREFIX, dir=parent))
            held = stack.enter_context((Path(name) / LOCK_NAME).open("wb"))
        except OSError as error:  # a full disk may lack an inode for either
            log.warning("metrics_not_shared", reason=str(error))
        else:
            lock(held.fileno())
            os.environ[FOLDER_VARIABLE] = name
            stack.callback(os.environ.pop, FOLDER_VARIABLE, None)
        yield


def _remove_left(parent: Path) -> None:
    """Remove the folders of servers that were killed."""
    for held in parent.glob(f"{PREFIX}*/{LOCK_NAME}"):
        with suppress(OSError), os.fdopen(_open_at_once(held), "rb") as file:
            is_old = time() - held.stat().st_mtime > LEFT_AFTER_SECONDS
            if is_old and lock(file.fileno()):
                rmtree(held.parent, ignore_errors=True)


def _open_at_once(path: Path) -> int:
    """Anybody may write there: a FIFO would wait for its other end."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
