"""The kind: a token that anybody can make, and that holds a thread (issue 11, row 12).

Here before the verifier has ever had a key: its issuer takes connections and says nothing.
"""

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from authapi.verifier import Verifier, VerifierNotReadyError
from authapi.verifier.waiting import WAITING_COROUTINES, WAITING_THREADS
from tests.support.until import until
from tests.verifier.network import signer_named

POOL = 20  # threads of a service
SOON = 1.5  # seconds; a wait takes 2 s
GARBAGE = [signer_named(f"random-{number}").token() for number in range(WAITING_COROUTINES + 100)]


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    """Yield a verifier of an issuer on a socket that nobody reads from."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Verifier(issuer=issuer, audience="authapi") as made:
            yield made


def is_not_ready(verifier: Verifier, token: str) -> bool:
    with pytest.raises(VerifierNotReadyError):
        verifier.verify(token)
    return True


def test_garbage_before_the_first_keys_leaves_threads_free(verifier: Verifier) -> None:
    with ThreadPoolExecutor(POOL) as pool:
        began = monotonic()
        garbage = [pool.submit(is_not_ready, verifier, token) for token in GARBAGE[:200]]
        until(lambda: sum(future.done() for future in garbage) >= 200 - WAITING_THREADS)
        assert not all(future.done() for future in garbage)
        assert all(future.result() for future in garbage)
        assert monotonic() - began > SOON  # the others have waited


def test_coroutines_before_the_first_keys_are_bounded_too(verifier: Verifier) -> None:
    async def refuse_all() -> int:
        tasks = [asyncio.ensure_future(verifier.averify(token)) for token in GARBAGE]
        await asyncio.sleep(SOON - 0.3)  # the first moment is over
        done = sum(task.done() for task in tasks)
        await asyncio.wait(tasks)
        assert all(isinstance(task.exception(), VerifierNotReadyError) for task in tasks)
        return done

    assert asyncio.run(refuse_all()) >= 100
