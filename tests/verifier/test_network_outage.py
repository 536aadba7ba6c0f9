"""An issuer that is down, ill, silent, stale or not itself: verifying goes on."""

import asyncio
import logging
from time import monotonic

import httpx
import pytest

from authapi.verifier import InvalidTokenError, Verifier, VerifierNotReadyError
from authapi.verifier import verifier as verifier_module
from authapi.verifier.following import issuer as issuer_site
from authapi.verifier.following import link as issuer_link
from tests.support.until import until
from tests.verifier.conftest import MakeVerifier
from tests.verifier.fake_issuer import (
    METADATA,
    REVOCATIONS,
    FakeIssuer,
    black_hole,
    body,
    json_body,
    out_of_reach,
    status,
)
from tests.verifier.fixtures import NOW
from tests.verifier.network import (
    SIGNER,
    TOKEN,
    is_refused,
    signer_named,
)

# What may happen to an issuer, or stand where it stood.
DOWN = {
    "refused": out_of_reach,
    "500": status(500),
    "HTML": body(b"<!doctype html>Welcome", **{"Content-Type": "text/html"}),
    "404": status(404),
    "redirect": status(302, location="https://evil.example/"),
    "an empty object": json_body({}),
}


@pytest.mark.parametrize("answer", DOWN.values(), ids=DOWN)
def test_verifying_goes_on_while_the_issuer_is_down(
    issuer: FakeIssuer, verifier: Verifier, answer: object
) -> None:
    issuer.revoke("another")
    until(lambda: verifier.status().revoked_sessions == 1)
    issuer.instead["*"] = answer  # type: ignore[assignment]
    issuer.changed()
    until(lambda: verifier.status().problem is not None)
    assert verifier.verify(TOKEN)
    assert verifier.verify(SIGNER.token(jti="never seen before"))
    assert is_refused(verifier, SIGNER.token(sid="another"))


@pytest.mark.parametrize("answer", DOWN.values(), ids=DOWN)
def test_it_learns_again_when_the_issuer_is_back(
    issuer: FakeIssuer, verifier: Verifier, answer: object
) -> None:
    issuer.instead["*"] = answer  # type: ignore[assignment]
    issuer.changed()
    until(lambda: verifier.status().problem is not None)
    issuer.revoke(SIGNER.sid)  # meanwhile
    issuer.instead.clear()
    until(lambda: is_refused(verifier))
    until(lambda: verifier.status().problem is None)


@pytest.mark.parametrize("answer", DOWN.values(), ids=DOWN)
def test_a_verifier_that_never_loaded_says_that_it_is_not_ready(
    issuer: FakeIssuer, make_verifier: MakeVerifier, answer: object
) -> None:
    issuer.instead["*"] = answer  # type: ignore[assignment]
    with pytest.raises(VerifierNotReadyError):
        make_verifier().verify(TOKEN)


def test_a_verifier_without_the_feed_says_that_it_is_not_ready(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    issuer.instead[REVOCATIONS] = status(503)
    verifier = make_verifier()
    with pytest.raises(VerifierNotReadyError, match="revocations"):
        verifier.verify(TOKEN)
    issuer.instead.clear()
    until(lambda: not is_refused(verifier))


def test_a_forged_token_is_refused_even_where_the_feed_is_not_there(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    issuer.instead[REVOCATIONS] = status(503)
    with pytest.raises(InvalidTokenError) as refusal:
        make_verifier().verify(SIGNER.with_another_key().token())
    assert not isinstance(refusal.value, VerifierNotReadyError)


def test_whoever_waits_for_a_silent_issuer_waits_a_bounded_time(
    issuer: FakeIssuer, make_verifier: MakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier_module, "PATIENCE_SECONDS", 0.05)
    issuer.instead["*"] = black_hole
    verifier = make_verifier()
    began = monotonic()
    with pytest.raises(VerifierNotReadyError):
        verifier.verify(TOKEN)
    with pytest.raises(VerifierNotReadyError):
        asyncio.run(verifier.averify(TOKEN))
    assert monotonic() - began < 2


def test_the_loop_goes_on_while_a_silent_issuer_is_waited_for(
    issuer: FakeIssuer, make_verifier: MakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier_module, "PATIENCE_SECONDS", 0.05)
    issuer.instead["*"] = black_hole
    verifier = make_verifier()

    async def count_turns() -> int:
        waiting = asyncio.ensure_future(verifier.averify(TOKEN))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0)
            turns += 1
        assert isinstance(waiting.exception(), VerifierNotReadyError)
        return turns

    assert asyncio.run(count_turns()) > 100


def test_a_known_key_never_waits_for_an_issuer_that_drips(
    issuer: FakeIssuer, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_link, "REFETCH_AFTER_SECONDS", 0)
    monkeypatch.setattr(verifier_module, "PATIENCE_SECONDS", 0.05)
    issuer.instead["*"] = black_hole
    assert is_refused(verifier, signer_named("unknown").token())  # a fetch is under way now
    monkeypatch.setattr(verifier_module, "PATIENCE_SECONDS", 20)
    began = monotonic()
    verifier.verify(TOKEN)
    assert monotonic() - began < 10


def test_a_silent_issuer_is_given_up_and_asked_again(
    issuer: FakeIssuer, make_verifier: MakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_site, "DOCUMENT_SECONDS", 0.05)
    issuer.instead["*"] = black_hole
    verifier = make_verifier()
    verifier.start()
    until(lambda: "within" in (verifier.status().problem or ""))
    issuer.instead.clear()
    until(lambda: not is_refused(verifier))


def test_an_issuer_cut_off_from_its_database_is_stale_although_it_answers(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier(max_staleness=0.05)
    verifier.verify(TOKEN)
    issuer.instead[REVOCATIONS] = json_body(issuer.page())
    issuer.changed()
    until(lambda: verifier.status().is_stale)
    assert verifier.status().problem is None
    assert verifier.verify(TOKEN)  # it fails open by default


def test_a_stale_verifier_that_fails_closed_is_not_ready(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier(max_staleness=0.05, fail_closed=True)
    issuer.instead[REVOCATIONS] = json_body(issuer.page())
    until(lambda: verifier.status().is_ready or not is_refused(verifier))
    until(lambda: verifier.status().is_stale)
    with pytest.raises(VerifierNotReadyError, match="stale"):
        verifier.verify(TOKEN)


@pytest.mark.parametrize("off", [-50, 50])
def test_a_clock_that_is_50_seconds_off_makes_nothing_stale(
    make_verifier: MakeVerifier, off: float
) -> None:
    verifier = make_verifier(clock=lambda: NOW + off)
    verifier.verify(TOKEN)
    assert not verifier.status().is_stale


def test_a_problem_is_logged_once_and_its_end_too(
    issuer: FakeIssuer, verifier: Verifier, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "authapi.verifier"):
        issuer.instead["*"] = status(503)
        issuer.changed()
        failing = issuer.count(METADATA)
        until(lambda: issuer.count(METADATA) > failing + 5)
        issuer.instead.clear()
        until(lambda: verifier.status().problem is None)
        until(lambda: "answers again" in caplog.text)
    assert caplog.text.count(f"{METADATA} answered 503") == 1


def test_an_unforeseen_error_stops_nothing(issuer: FakeIssuer, verifier: Verifier) -> None:
    async def broken(_request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    issuer.instead[REVOCATIONS] = broken
    issuer.changed()
    until(lambda: "ZeroDivisionError" in (verifier.status().problem or ""))
    issuer.instead.clear()
    issuer.revoke(SIGNER.sid)
    until(lambda: is_refused(verifier))
