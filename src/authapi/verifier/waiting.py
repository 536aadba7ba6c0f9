"""How many verifications of this process may wait at one moment for keys, or for the first ones.

Anybody can make a token that needs a key which is not there. Without a bound such tokens would hold
every thread of a service whose issuer does not answer. In the first moment of a verifier all may
wait: an issuer that answers has told the first keys by its end.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import BoundedSemaphore

from authapi.verifier.after_fork import call_now_and_in_children
from authapi.verifier.errors import CatchUpError, InvalidTokenError, VerifierNotReadyError
from authapi.verifier.lifetimes import PATIENCE_SECONDS

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
    def take(
        self, attempt: "Future[None]", refusal: InvalidTokenError, grace: float
    ) -> Iterator[float]:
        """Hold a place for a wait for the attempt. Yield the seconds that the wait may take.

        If all places are taken, that is `grace`, while there is any. Else raises the refusal.
        """
        # Only a genuine token is refused by a CatchUpError.
        if attempt.done() or isinstance(refusal, CatchUpError):
            yield PATIENCE_SECONDS
            return
        free = self._free
        if not free.acquire(blocking=False):
            if grace <= 0 or not isinstance(refusal, VerifierNotReadyError):
                raise refusal
            yield grace
            return
        try:
            yield PATIENCE_SECONDS
        finally:
            free.release()


FOR_THREADS = WaitingPlaces(WAITING_THREADS)
FOR_COROUTINES = WaitingPlaces(WAITING_COROUTINES)
