"""The kind: a compromised key that a service goes on trusting (issue 11, row 13).

A service that is cut off never hears that a key leaked. So its keys count for `keys_max_age` only,
and no token lives longer than an hour, whoever signs it.
"""

import asyncio
from collections.abc import Callable

import pytest

from authapi.verifier import InvalidTokenError, VerifierNotReadyError
from authapi.verifier.asgi import recall_request
from tests.support.until import until
from tests.verifier.conftest import MakeVerifier
from tests.verifier.fake_issuer import JWKS, FakeIssuer, black_hole, out_of_reach, status
from tests.verifier.fixtures import NOW
from tests.verifier.network import SIGNER, TOKEN, signer_named

MAX_AGE = 0.3  # seconds


def is_not_ready(verify: Callable[[str], object], token: str) -> bool:
    try:
        verify(token)
    except VerifierNotReadyError:
        return True
    return False


@pytest.mark.parametrize("revocations", ["follow", None], ids=["with the feed", "without it"])
@pytest.mark.parametrize("answer", [out_of_reach, black_hole, status(500)])
def test_a_verifier_that_is_cut_off_refuses_every_token_after_a_while(
    issuer: FakeIssuer, make_verifier: MakeVerifier, answer: object, revocations: str | None
) -> None:
    verifier = make_verifier(keys_max_age=MAX_AGE, fail_closed=False, revocations=revocations)
    assert verifier.verify(TOKEN)
    assert verifier.status().is_ready
    issuer.instead["*"] = answer  # type: ignore[assignment]
    issuer.changed()
    until(lambda: is_not_ready(verifier.verify, TOKEN))
    assert is_not_ready(verifier.verify, SIGNER.token(jti="never seen before"))
    assert is_not_ready(verifier.verify, signer_named("made since").token())
    assert is_not_ready(lambda token: asyncio.run(verifier.averify(token)), TOKEN)
    assert not verifier.status().is_ready
    bearer = {"headers": [(b"authorization", b"Bearer " + TOKEN.encode())]}
    assert recall_request(verifier, bearer, frozenset()) is None


def test_a_feed_that_answers_does_not_confirm_the_keys(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier(keys_max_age=MAX_AGE)
    assert verifier.verify(TOKEN)
    issuer.instead[JWKS] = status(503)
    until(lambda: is_not_ready(verifier.verify, TOKEN))


def test_it_verifies_again_when_the_issuer_is_back(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier(keys_max_age=MAX_AGE)
    assert verifier.verify(TOKEN)
    issuer.instead["*"] = out_of_reach
    issuer.changed()
    until(lambda: is_not_ready(verifier.verify, TOKEN))
    issuer.instead.clear()
    until(lambda: not is_not_ready(verifier.verify, TOKEN))


def test_keys_are_confirmed_in_time_whatever_the_issuer_says_of_caching(
    make_verifier: MakeVerifier, issuer: FakeIssuer
) -> None:
    issuer.max_age = 86_400
    verifier = make_verifier(keys_max_age=MAX_AGE)
    assert verifier.verify(TOKEN)
    fetched = issuer.count(JWKS)
    until(lambda: issuer.count(JWKS) >= fetched + 4)  # mostly answered 304
    assert verifier.verify(TOKEN)


def test_a_machine_that_slept_for_an_hour_asks_before_it_trusts_its_keys(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    """Its monotonic clock stood still; the wall clock tells."""
    now = float(NOW)
    verifier = make_verifier(clock=lambda: now, catch_up=1)
    assert verifier.verify(TOKEN)
    issuer.instead["*"] = out_of_reach
    now += 3601
    token = SIGNER.token(iat=NOW + 3601, exp=NOW + 3700)
    until(lambda: is_not_ready(verifier.verify, token))
    issuer.instead.clear()
    until(lambda: not is_not_ready(verifier.verify, token))


def test_a_closed_verifier_does_not_trust_its_keys_for_ever(make_verifier: MakeVerifier) -> None:
    verifier = make_verifier(keys_max_age=MAX_AGE)
    assert verifier.verify(TOKEN)
    verifier.close()
    until(lambda: is_not_ready(verifier.verify, TOKEN))


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_an_age_that_makes_no_sense_is_refused(make_verifier: MakeVerifier, seconds: float) -> None:
    with pytest.raises(ValueError, match="keys_max_age"):
        make_verifier(keys_max_age=seconds)


@pytest.mark.parametrize("seconds", [3601, 86_400, 10**9])
def test_a_stolen_key_makes_no_token_that_lives_longer_than_an_hour(
    make_verifier: MakeVerifier, seconds: int
) -> None:
    verifier = make_verifier()
    assert verifier.verify(SIGNER.token(exp=NOW + 3600))
    with pytest.raises(InvalidTokenError, match="over an hour"):
        verifier.verify(SIGNER.token(exp=NOW + seconds))
