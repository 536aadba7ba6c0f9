"""Keys that a verifier does not have yet, no longer has, or is to be made to look for."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from authapi.verifier import Verifier
from authapi.verifier.following import link as issuer_link
from tests.support.until import until
from tests.verifier.conftest import MakeVerifier
from tests.verifier.fake_issuer import (
    JWKS,
    FakeIssuer,
    jwk_of,
)
from tests.verifier.network import (
    SIGNER,
    TOKEN,
    is_refused,
    let_the_keys_be_fetched_again,
    signer_named,
)


def test_a_key_that_was_rotated_is_fetched_for_its_first_token(
    issuer: FakeIssuer, make_verifier: MakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_link, "REFETCH_AFTER_SECONDS", 0)
    verifier = make_verifier()
    verifier.verify(TOKEN)
    issuer.keys.append(jwk_of(signer_named("next")))
    assert verifier.verify(signer_named("next").token()).key_id == "next"
    assert asyncio.run(verifier.averify(signer_named("next").token())).key_id == "next"
    assert issuer.count(JWKS) == 2


def test_random_kids_cause_no_second_fetch(issuer: FakeIssuer, verifier: Verifier) -> None:
    tokens = [signer_named(f"random-{number}").token() for number in range(200)]
    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(lambda token: is_refused(verifier, token), tokens))
    assert issuer.count(JWKS) == 1  # the first one, moments ago


def test_random_kids_cause_one_fetch_in_every_few_seconds(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier()
    verifier.verify(TOKEN)
    for fetches in range(2, 5):
        let_the_keys_be_fetched_again(verifier)
        tokens = [signer_named(f"{fetches}-{number}").token() for number in range(50)]
        with ThreadPoolExecutor(20) as pool:
            assert all(pool.map(lambda token: is_refused(verifier, token), tokens))
        assert issuer.count(JWKS) == fetches


def test_a_bad_token_with_a_known_kid_fetches_nothing(
    issuer: FakeIssuer, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_link, "REFETCH_AFTER_SECONDS", 0)
    before = issuer.count(JWKS)
    forged = SIGNER.with_another_key().token()
    for token in ("", "a.b.c", forged, SIGNER.token(exp=1), SIGNER.token_with_header(alg="none")):
        assert is_refused(verifier, token)
    assert issuer.count(JWKS) == before


@pytest.mark.parametrize("header", ["jku", "x5u", "iss", "jwk"])
def test_no_url_of_a_token_is_ever_asked(
    issuer: FakeIssuer, verifier: Verifier, header: str
) -> None:
    let_the_keys_be_fetched_again(verifier)
    evil = signer_named("evil")
    members = evil.header(**{header: "https://evil.example/jwks.json"})
    assert is_refused(verifier, evil.sign(members, evil.claims(iss="https://evil.example")))
    assert issuer.count(JWKS) == 2
    assert {request.url.host for request in issuer.asked} == {"auth.example"}


def test_a_compromised_key_is_refused_and_its_successor_fetched_unasked(
    issuer: FakeIssuer, verifier: Verifier
) -> None:
    verifier.verify(TOKEN)
    issuer.keys = [jwk_of(signer_named("next"))]
    issuer.compromised = [SIGNER.kid]
    issuer.changed()
    until(lambda: issuer.count(JWKS) == 2)
    until(lambda: not is_refused(verifier, signer_named("next").token()))
    assert is_refused(verifier)


def test_a_compromised_key_stays_refused_while_the_key_set_still_has_it(
    issuer: FakeIssuer, verifier: Verifier
) -> None:
    issuer.compromised = [SIGNER.kid]
    issuer.changed()
    until(lambda: is_refused(verifier))
    issuer.compromised = []
    issuer.changed()
    until(lambda: len(issuer.queries()) >= 4)
    assert is_refused(verifier)


def test_a_process_that_has_not_heard_of_it_yet_is_asked_again_soon(
    issuer: FakeIssuer, verifier: Verifier
) -> None:
    """Of several behind one address: one tells of the compromised key, another has the keys."""
    before = issuer.count(JWKS)
    issuer.compromised = [SIGNER.kid]
    issuer.changed()
    until(lambda: issuer.count(JWKS) == before + 2)
    issuer.keys = [jwk_of(signer_named("next"))]
    taken = until(lambda: not is_refused(verifier, signer_named("next").token()))
    assert taken < 0.6


def test_no_cache_on_the_way_answers_for_the_issuer(issuer: FakeIssuer, verifier: Verifier) -> None:
    """It may have kept the set of before the key was compromised."""
    asked = [each for each in issuer.asked if each.url.path == JWKS]
    assert [each.headers["cache-control"] for each in asked] == ["no-cache"]
