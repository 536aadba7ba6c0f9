"""The issuer's keys as a verifier holds them: when they are fetched, and what may replace them."""

import asyncio
import logging
from time import monotonic

import httpx
import pytest

from authapi.verifier import VerifierNotReadyError
from authapi.verifier.following.contact import Contact
from authapi.verifier.following.fetching import FetchError
from authapi.verifier.following.issuer import IssuerAddress, IssuerSite
from authapi.verifier.following.keys import FetchedKeys
from authapi.verifier.lifetimes import KEYS_MAX_AGE_SECONDS
from tests.verifier.fake_issuer import (
    ISSUER,
    JWKS,
    Answer,
    FakeIssuer,
    body,
    json_body,
    jwk_of,
    out_of_reach,
    status,
)
from tests.verifier.fixtures import NOW, signer_of

ES256, EDDSA, RS256 = signer_of("ES256"), signer_of("EdDSA"), signer_of("RS256")


def keys_of(issuer: FakeIssuer) -> FetchedKeys:
    address = IssuerAddress.read(ISSUER, fetch_from=None, allow_http=False)
    contact = Contact(None, clock=lambda: NOW, monotonic=monotonic)
    return FetchedKeys(IssuerSite(address, issuer), contact, max_age=KEYS_MAX_AGE_SECONDS)


def refresh(keys: FetchedKeys) -> float:
    return asyncio.run(keys.refresh())


def test_before_the_first_fetch_nothing_can_be_said_of_any_key(issuer: FakeIssuer) -> None:
    with pytest.raises(VerifierNotReadyError):
        keys_of(issuer).find("the-key")


def test_a_key_is_found_by_its_kid(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer)
    refresh(keys)
    found = keys.find("the-key")
    assert found is not None
    assert found.algorithm == "ES256"
    assert keys.find("another") is None


def test_the_set_is_asked_for_with_its_etag(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer)
    refresh(keys)
    refresh(keys)
    assert "if-none-match" not in issuer.asked[1].headers
    assert issuer.asked[-1].headers["if-none-match"]
    assert keys.find("the-key")


def test_a_key_that_stays_is_the_same_object(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer)
    refresh(keys)
    before = keys.find("the-key")
    issuer.keys.append(jwk_of(EDDSA) | {"kid": "next"})
    refresh(keys)
    assert keys.find("the-key") is before
    assert keys.find("next")


def test_another_key_of_the_same_kid_replaces_it(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer)
    refresh(keys)
    before = keys.find("the-key")
    issuer.keys = [jwk_of(ES256.with_another_key())]
    refresh(keys)
    assert keys.find("the-key") is not before


def test_a_key_that_is_gone_verifies_no_more(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer)
    refresh(keys)
    issuer.keys = [jwk_of(EDDSA) | {"kid": "next"}]
    refresh(keys)
    assert keys.find("the-key") is None


@pytest.mark.parametrize(
    ("max_age", "shortest", "longest"),
    [(300, 240, 300), (0, 8, 10), (5, 8, 10), (86_400, 1_440, 1_800), (999_999_999, 1_440, 1_800)],
)
def test_the_set_is_used_as_long_as_the_issuer_says_within_bounds(
    max_age: int, shortest: float, longest: float
) -> None:
    pause = refresh(keys_of(FakeIssuer(max_age=max_age)))
    assert shortest <= pause <= longest


@pytest.mark.parametrize("header", ["no-cache", "max-age=x", "max-age=-1", "max-age=" + "9" * 400])
def test_a_lifetime_that_makes_no_sense_is_five_minutes(issuer: FakeIssuer, header: str) -> None:
    issuer.instead[JWKS] = body(
        httpx.Response(200, json={"keys": issuer.keys}).content, **{"Cache-Control": header}
    )
    assert 240 <= refresh(keys_of(issuer)) <= 300


BROKEN: dict[str, Answer] = {
    "not there": out_of_reach,
    "500": status(500),
    "503": status(503, retry_after="1"),
    "404": status(404),
    "204": status(204),
    "redirect": status(302, location="https://evil.example/jwks.json"),
    "redirect on the same host": status(307, location=ISSUER + "/keys"),
    "HTML": body(b"<!doctype html><p>Hello", **{"Content-Type": "text/html"}),
    "nothing": body(b""),
    "not UTF-8": body(b'{"keys": [\xff]}'),
    "a list": json_body([]),
    "null": json_body(None),
    "no keys": json_body({}),
    "an empty set": json_body({"keys": []}),
    "keys of no use": json_body({"keys": [{"kty": "oct", "k": "AA", "kid": "a", "alg": "HS256"}]}),
    "a key that is none": json_body({"keys": [jwk_of(ES256) | {"x": "AAAA"}]}),
    "one kid twice": json_body({"keys": [jwk_of(ES256), jwk_of(EDDSA)]}),
    "a name twice": body(b'{"keys": [], "keys": []}'),
    "deep": body(b'{"keys":' + b"[" * 100_000),
    "compressed": body(b"{}", **{"Content-Encoding": "gzip"}),
    "too large": body(b" " * 300_000),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_what_is_no_key_set_leaves_the_last_good_one(issuer: FakeIssuer, answer: Answer) -> None:
    keys = keys_of(issuer)
    refresh(keys)
    before = keys.find("the-key")
    issuer.instead[JWKS] = answer
    with pytest.raises(FetchError, match=r"\.$"):
        refresh(keys)
    assert keys.find("the-key") is before


def test_after_a_broken_set_a_good_one_is_taken(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer)
    refresh(keys)
    issuer.instead[JWKS] = json_body({"keys": []})
    with pytest.raises(FetchError):
        refresh(keys)
    del issuer.instead[JWKS]
    issuer.keys.append(jwk_of(RS256) | {"kid": "next"})
    refresh(keys)
    assert keys.find("next")


def test_no_redirect_is_followed(issuer: FakeIssuer) -> None:
    issuer.instead[JWKS] = status(302, location="https://evil.example/jwks.json")
    with pytest.raises(FetchError, match="302"):
        refresh(keys_of(issuer))
    assert {request.url.host for request in issuer.asked} == {"auth.example"}


def test_a_secret_that_is_published_is_none() -> None:
    issuer = FakeIssuer(ES256, signer_of("HS256"))
    issuer.keys[1]["kid"] = "published"
    keys = keys_of(issuer)
    refresh(keys)
    assert keys.find("published") is None


def test_a_key_of_an_unknown_algorithm_does_no_harm(issuer: FakeIssuer) -> None:
    issuer.keys.append({"kty": "AKP", "alg": "ML-DSA-44", "kid": "new", "pub": "AAAA"})
    keys = keys_of(issuer)
    refresh(keys)
    assert keys.find("the-key")


def test_no_log_is_written_of_a_fetch_that_works(
    issuer: FakeIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "authapi.verifier"):
        refresh(keys_of(issuer))
    assert not [record for record in caplog.records if record.name == "authapi.verifier"]
