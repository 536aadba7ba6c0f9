"""A verifier that fetches for itself: first use, log-outs, threads, and its end."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from authapi.verifier import (
    Claims,
    InvalidTokenError,
    StaticKeys,
    Verifier,
    VerifierNotReadyError,
)
from tests.support.until import until
from tests.verifier.conftest import MakeVerifier
from tests.verifier.fake_issuer import (
    ISSUER,
    JWKS,
    METADATA,
    REVOCATIONS,
    FakeIssuer,
)
from tests.verifier.fixtures import NOW, key_of
from tests.verifier.network import (
    SIGNER,
    TOKEN,
    is_refused,
    signer_named,
)


def test_the_first_token_is_verified_by_what_is_fetched_for_it(make_verifier: MakeVerifier) -> None:
    assert make_verifier().verify(TOKEN).sub == "the-subject"


def test_the_first_token_is_verified_without_blocking_the_loop(
    make_verifier: MakeVerifier,
) -> None:
    assert asyncio.run(make_verifier().averify(TOKEN)).sub == "the-subject"


def test_no_thread_is_started_and_nothing_fetched_before_the_first_use(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    before = threading.active_count()
    make_verifier()
    assert threading.active_count() == before
    assert issuer.asked == []


def test_it_takes_one_thread(make_verifier: MakeVerifier) -> None:
    before = threading.active_count()
    verifier = make_verifier()
    for _ in range(5):
        verifier.verify(TOKEN)
    assert threading.active_count() == before + 1


def test_a_hundred_first_tokens_at_once_fetch_once(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier()
    with ThreadPoolExecutor(20) as pool:
        subjects = [claims.sub for claims in pool.map(verifier.verify, [TOKEN] * 100)]
    assert subjects == ["the-subject"] * 100
    assert issuer.count(JWKS) == issuer.count(METADATA) == 1


def test_a_thousand_coroutines_fetch_once(issuer: FakeIssuer, make_verifier: MakeVerifier) -> None:
    async def all_at_once() -> list[Claims]:
        verifier = make_verifier()
        return await asyncio.gather(*[verifier.averify(TOKEN) for _ in range(1000)])

    assert len(asyncio.run(all_at_once())) == 1000
    assert issuer.count(JWKS) == 1


def test_an_answer_that_comes_just_after_the_look_counts(
    make_verifier: MakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = make_verifier()
    assert verifier._link
    attempt_for = verifier._link.attempt_for

    def once_all_is_loaded(refusal: InvalidTokenError) -> object:
        verifier.start()
        until(lambda: verifier.status().is_ready)
        return attempt_for(refusal)

    monkeypatch.setattr(verifier._link, "attempt_for", once_all_is_loaded)
    assert verifier.verify(TOKEN)


def test_verified_requests_ask_nobody(issuer: FakeIssuer, verifier: Verifier) -> None:
    until(lambda: len(issuer.queries()) == 2)  # the second one waits
    before = len(issuer.asked)
    for _ in range(1000):
        verifier.verify(TOKEN)
    assert len(issuer.asked) == before


def test_a_log_out_is_known_without_a_poll(issuer: FakeIssuer, make_verifier: MakeVerifier) -> None:
    verifier = make_verifier(poll_interval=3600)
    verifier.verify(TOKEN)
    until(lambda: "wait" in issuer.queries()[-1])
    issuer.revoke(SIGNER.sid)
    assert until(lambda: is_refused(verifier)) < 1


def test_a_change_of_scopes_refuses_what_was_issued_before(
    issuer: FakeIssuer, verifier: Verifier
) -> None:
    issuer.reissued[SIGNER.sid] = NOW + 1
    issuer.changed()
    until(lambda: is_refused(verifier))
    assert verifier.verify(SIGNER.token(iat=NOW + 1))


def test_log_outs_are_followed_with_keys_that_were_given(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier(jwks={"keys": issuer.keys})
    verifier.verify(TOKEN)
    issuer.revoke(SIGNER.sid)
    until(lambda: is_refused(verifier))
    assert issuer.count(JWKS) == 0


def test_keys_are_fetched_without_the_feed_where_that_is_wanted(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier(revocations=None)
    verifier.verify(TOKEN)
    assert issuer.count(REVOCATIONS) == 0
    assert verifier.status().is_ready


def test_with_keys_and_without_the_feed_there_is_no_network(issuer: FakeIssuer) -> None:
    before = threading.active_count()
    keys = StaticKeys({SIGNER.kid: key_of(SIGNER)})
    verifier = Verifier(
        issuer=ISSUER,
        audience="authapi",
        jwks=keys,
        revocations=None,
        clock=lambda: NOW,
        transport=issuer,
    )
    with verifier:
        verifier.verify(TOKEN)
        assert is_refused(verifier, signer_named("unknown").token())
    assert threading.active_count() == before
    assert issuer.asked == []


def test_closing_ends_the_thread_at_once(issuer: FakeIssuer, make_verifier: MakeVerifier) -> None:
    before = threading.active_count()
    verifier = make_verifier()
    verifier.verify(TOKEN)
    until(lambda: "wait" in issuer.queries()[-1])
    began = monotonic()
    verifier.close()
    assert monotonic() - began < 2
    assert threading.active_count() == before


def test_closing_twice_and_before_any_use_does_no_harm(make_verifier: MakeVerifier) -> None:
    verifier = make_verifier()
    verifier.close()
    verifier.close()
    with pytest.raises(VerifierNotReadyError):
        verifier.verify(TOKEN)


def test_a_closed_verifier_goes_on_with_what_it_knows(verifier: Verifier) -> None:
    verifier.close()
    assert verifier.verify(TOKEN)
    assert is_refused(verifier, signer_named("unknown").token())


def test_a_context_begins_before_the_first_token_and_ends_the_thread(
    make_verifier: MakeVerifier,
) -> None:
    before = threading.active_count()
    with make_verifier() as verifier:
        until(lambda: verifier.status().is_ready)
    assert threading.active_count() == before


def test_a_verifier_that_nobody_holds_ends_its_thread(issuer: FakeIssuer) -> None:
    before = threading.active_count()
    verifier = Verifier(issuer=ISSUER, audience="authapi", clock=lambda: NOW, transport=issuer)
    verifier.verify(TOKEN)
    del verifier
    until(lambda: threading.active_count() == before)


def test_many_threads_verify_while_sessions_are_revoked(
    issuer: FakeIssuer, verifier: Verifier
) -> None:
    sids = [f"session-{number}" for number in range(50)]
    tokens = [SIGNER.token(sid=sid) for sid in sids]
    with ThreadPoolExecutor(8) as pool:
        running = [
            pool.submit(lambda: [is_refused(verifier, token) for token in tokens * 5])
            for _ in range(8)
        ]
        for sid in sids:
            issuer.revoke(sid)
        assert all(len(one.result()) == 250 for one in running)
    until(lambda: all(is_refused(verifier, token) for token in tokens))
