"""The kind: a token that anybody can make, and that holds a thread (issue 11, row 12).

While the issuer is silent, tokens of unknown keys must not keep a service's threads waiting.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from authapi.verifier import Verifier, VerifierNotReadyError
from authapi.verifier.following import issuer as issuer_site
from authapi.verifier.following import link as issuer_link
from authapi.verifier.waiting import WAITING_COROUTINES, WAITING_THREADS
from tests.support.until import until
from tests.verifier.fake_issuer import ISSUER, REVOCATIONS, FakeIssuer, black_hole, out_of_reach
from tests.verifier.fixtures import NOW
from tests.verifier.network import TOKEN, is_refused, let_the_keys_be_fetched_again, signer_named

POOL = 20  # threads of a service
SOON = 0.5  # seconds; a wait takes 2 s
GARBAGE = [signer_named(f"random-{number}").token() for number in range(200)]


@pytest.fixture
def verifier(issuer: FakeIssuer) -> Iterator[Verifier]:
    with following(issuer) as made:
        until(lambda: made.status().is_ready)
        let_the_keys_be_fetched_again(made)
        yield made


def following(issuer: FakeIssuer) -> Verifier:
    return Verifier(issuer=ISSUER, audience="authapi", clock=lambda: NOW, transport=issuer)


def fall_silent(issuer: FakeIssuer) -> None:
    issuer.instead["*"] = black_hole


def seconds_of_a_good_request(verifier: Verifier, pool: ThreadPoolExecutor) -> float:
    began = monotonic()
    assert pool.submit(verifier.verify, TOKEN).result()
    return monotonic() - began


def test_garbage_leaves_threads_for_good_tokens_while_the_issuer_is_silent(
    issuer: FakeIssuer, verifier: Verifier
) -> None:
    fall_silent(issuer)
    with ThreadPoolExecutor(POOL) as pool:
        garbage = [pool.submit(is_refused, verifier, token) for token in GARBAGE]
        assert seconds_of_a_good_request(verifier, pool) < SOON
        assert all(refused.result() for refused in garbage)


def test_the_places_are_those_of_the_process_not_of_each_verifier(issuer: FakeIssuer) -> None:
    with following(issuer) as one, following(issuer) as other, ThreadPoolExecutor(POOL) as pool:
        until(lambda: one.status().is_ready and other.status().is_ready)
        for verifier in (one, other):
            let_the_keys_be_fetched_again(verifier)
        fall_silent(issuer)
        began = monotonic()
        garbage = [
            pool.submit(is_refused, verifier, token)
            for token in GARBAGE[:POOL]
            for verifier in (one, other)
        ]
        until(lambda: sum(future.done() for future in garbage) == 2 * POOL - WAITING_THREADS)
        assert monotonic() - began < SOON


def test_nobody_waits_again_once_a_fetch_has_failed(
    issuer: FakeIssuer, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_site, "DOCUMENT_SECONDS", 0.05)
    monkeypatch.setattr(issuer_link, "REFETCH_AFTER_SECONDS", 0)
    fall_silent(issuer)
    assert is_refused(verifier, GARBAGE[0])
    assert verifier._link
    until(lambda: verifier._link._fetching.problem is not None)  # type: ignore[union-attr]
    monkeypatch.setattr(issuer_site, "DOCUMENT_SECONDS", 5)
    until(lambda: verifier._link._fetching.attempt is not None)  # type: ignore[union-attr]
    began = monotonic()
    for token in GARBAGE[:20]:
        assert is_refused(verifier, token)
    assert monotonic() - began < SOON


@pytest.mark.parametrize("place", ["*", REVOCATIONS])
def test_a_service_that_never_reached_its_issuer_answers_at_once(
    issuer: FakeIssuer, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.instead[place] = out_of_reach
    with following(issuer) as verifier:
        until(lambda: verifier.status().problem is not None)
        issuer.instead[place] = black_hole
        assert verifier._link
        until(lambda: all(task.attempt for task in verifier._link._tasks) or place != "*")  # type: ignore[union-attr]
        began = monotonic()
        for _ in range(5):
            with pytest.raises(VerifierNotReadyError):
                verifier.verify(TOKEN)
        assert monotonic() - began < SOON


def test_coroutines_that_wait_are_bounded_too(issuer: FakeIssuer, verifier: Verifier) -> None:
    fall_silent(issuer)
    count = WAITING_COROUTINES + 100
    tokens = [signer_named(f"kid-{number}").token() for number in range(count)]

    async def refuse_all() -> int:
        tasks = [asyncio.ensure_future(verifier.averify(token)) for token in tokens]
        await asyncio.sleep(0.2)
        done = sum(task.done() for task in tasks)
        await asyncio.wait(tasks)
        assert all(task.exception() for task in tasks)
        return done

    assert asyncio.run(refuse_all()) == 100


def test_a_place_is_free_again_after_each_wait(issuer: FakeIssuer, verifier: Verifier) -> None:
    for round_ in range(3 * WAITING_THREADS):
        let_the_keys_be_fetched_again(verifier)
        assert is_refused(verifier, signer_named(f"round-{round_}").token())
    fall_silent(issuer)
    let_the_keys_be_fetched_again(verifier)
    began = monotonic()
    assert is_refused(verifier, GARBAGE[0])
    assert monotonic() - began > 1.5  # there was a place to wait in
