"""Waiting for a provider's keys, where many requests wait for one fetch."""

from concurrent.futures import Future

from authapi.services.factors.providers import own_wait


def test_a_request_that_gives_up_leaves_the_fetch_to_the_others() -> None:
    attempt: Future[None] = Future()
    first, second = own_wait(attempt), own_wait(attempt)
    assert first.cancel()
    attempt.set_result(None)
    assert (first.cancelled(), second.done(), second.cancelled()) == (True, True, False)
