"""Several calls at the same moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")
TIMEOUT = 60.0  # seconds; the machine may be busy


def together(*jobs: Callable[[], T]) -> Sequence[T | Exception]:
    """Return what each call returned or raised. All have a thread before the first begins."""
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T | Exception:
        barrier.wait(TIMEOUT)
        try:
            return job()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result(TIMEOUT) for future in [pool.submit(run, job) for job in jobs]]
