"""The factory that users' own tests make tokens with."""

import pytest

from authapi.verifier import InvalidTokenError, Verifier, VerifierNotReadyError
from authapi.verifier.testing import MAKE_KEY, TokenFactory

TOKENS = TokenFactory("https://auth.example", "reports")
REASONS = {
    "revoked": "its session or its key is revoked",
    "expired": "the token has expired",
    "not_yet_valid": "the token is not valid yet",
    "living_too_long": "exp is over an hour after iat",
    "of_another_issuer": "iss names another issuer: 'https://auth.example.evil.example', "
    "not 'https://auth.example'",
    "for_another_audience": "aud does not name this service",
    "forged": "the signature does not fit",
    "of_unknown_key": "no key has this kid and alg",
    "of_another_type": "typ names another kind of token",
    "unsigned": "no key has this kid and alg",
    "altered": "the signature does not fit",
    "not_a_token": "the token does not have three parts",
}


@pytest.mark.parametrize("algorithm", MAKE_KEY)
def test_its_tokens_are_valid(algorithm: str) -> None:
    tokens = TokenFactory(algorithm=algorithm)
    claims = tokens.verifier.verify(tokens.token("ada", scopes=["read", "write"]))
    assert claims.sub == "ada"
    assert claims.scopes == {"read", "write"}


def test_scopes_may_be_one_text_as_a_token_has_them() -> None:
    """The kind: text in the place of a list was taken for its letters."""
    assert TOKENS.claims(scopes="read write").scopes == {"read", "write"}


def test_the_claims_tell_when_and_how_the_user_logged_in() -> None:
    tokens = TokenFactory(clock=lambda: 1_800_000_000.5)
    claims = tokens.claims()
    assert (claims.auth_time, claims.acr, claims.amr) == (1_800_000_000, "aal1", ("pwd",))
    strong = tokens.token(auth_time=5, acr="aal2", amr=["pwd", "otp", "mfa"])
    claims = tokens.verifier.verify(strong)
    assert (claims.auth_time, claims.acr, claims.amr) == (5, "aal2", ("pwd", "otp", "mfa"))


@pytest.mark.parametrize("value", [None, 2, ["aal2"], {"a": 1}])
def test_claims_of_another_form_tell_nothing(value: object) -> None:
    amr = None if isinstance(value, list) else value
    claims = TOKENS.verifier.verify(TOKENS.token(acr=value, amr=amr))
    assert (claims.acr, claims.amr) == (None, ())


def test_claims_are_made_without_a_token() -> None:
    claims = TOKENS.claims("ada", scopes=["read"])
    assert (claims.sub, *claims.scopes) == ("ada", "read")


def test_its_jwk_set_is_enough_for_a_verifier_of_ones_own() -> None:
    verifier = Verifier(
        issuer="https://auth.example", audience="reports", jwks=TOKENS.jwks, revocations=None
    )
    assert verifier.verify(TOKENS.token()).sub == "a-user"


def test_its_jwk_set_is_public() -> None:
    assert "d" not in TOKENS.jwks["keys"][0]


def test_claims_can_be_added_and_replaced() -> None:
    claims = TOKENS.verifier.verify(TOKENS.token(tenant="acme", client_id="cli"))
    assert (claims.raw["tenant"], claims.raw["client_id"]) == ("acme", "cli")


def test_it_makes_the_header_of_a_request() -> None:
    scheme, token = TOKENS.bearer(scopes=["read"])["Authorization"].split()
    assert scheme == "Bearer"
    assert TOKENS.verifier.verify(token).scopes == {"read"}


@pytest.mark.parametrize("kind", REASONS)
def test_each_bad_token_is_bad_in_the_one_way_that_its_name_says(kind: str) -> None:
    with pytest.raises(InvalidTokenError) as refusal:
        TOKENS.verifier.verify(TOKENS.bad_tokens()[kind])
    assert refusal.value.reason == REASONS[kind]


def test_there_is_one_bad_token_of_each_kind() -> None:
    assert TOKENS.bad_tokens().keys() == REASONS.keys()


def test_a_session_can_be_ended() -> None:
    token = TOKENS.token(sid="a-session")
    TOKENS.verifier.verify(token)
    TOKENS.revoke("a-session")
    with pytest.raises(InvalidTokenError):
        TOKENS.verifier.verify(token)


def test_time_is_the_tests_own() -> None:
    now = 1_800_000_000.0
    tokens = TokenFactory(clock=lambda: now)
    token = tokens.token(expires_in=60)
    tokens.verifier.verify(token)
    now += 60
    with pytest.raises(InvalidTokenError, match="expired"):
        tokens.verifier.verify(token)


def test_a_token_that_every_verifier_would_refuse_is_not_made() -> None:
    assert TOKENS.verifier.verify(TOKENS.token(expires_in=3600))
    with pytest.raises(ValueError, match="3600"):
        TOKENS.token(expires_in=3601)


def test_two_factories_do_not_accept_each_others_tokens() -> None:
    with pytest.raises(InvalidTokenError):
        TOKENS.verifier.verify(TokenFactory("https://auth.example", "reports").token())


def test_a_service_can_be_tested_without_its_issuer() -> None:
    with pytest.raises(VerifierNotReadyError):
        TOKENS.unready_verifier().verify(TOKENS.token())
