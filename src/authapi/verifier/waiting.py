"""How many verifications of this process may wait at one moment for keys of an unknown `kid`.

Strangers choose the kids of their tokens. Without a bound they would hold every thread of a service
whose issuer does not answer.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import BoundedSemaphore

from authapi.verifier.after_fork import call_now_and_in_children
from authapi.verifier.errors import InvalidTokenError, UnknownKeyError

WAITING_THREADS = 8  # fewer than servers have
WAITING_COROUTINES = 256  # they hold a little memory, and no thread


class WaitingPlaces:
    """The places of all verifiers of a process."""

    def __init__(self, size: int) -> None:
        self._size = size
        call_now_and_in_children(self._begin)

    def _begin(self) -> None:
        self._free = BoundedSemaphore(self._size)

    @contextmanager
    def take(self, attempt: "Future[None]", refusal: InvalidTokenError) -> Iterator[None]:
        """Hold a place for a wait for the attempt. Raises the refusal if all are taken."""
        if attempt.done() or not isinstance(refusal, UnknownKeyError):
            yield
            return
        free = self._free
        if not free.acquire(blocking=False):
            raise refusal
        try:
            yield
        finally:
            free.release()


FOR_THREADS = WaitingPlaces(WAITING_THREADS)
FOR_COROUTINES = WaitingPlaces(WAITING_COROUTINES)
