"""One run at a time on a machine: two would measure each other."""

import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone() -> Iterator[None]:
    """Waits for its turn among this user's runs. The lock ends with the process."""
    path = Path(tempfile.gettempdir()) / f"authapi-bench-{os.getuid()}.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("Another run is measuring on this machine: waiting for its end.\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
