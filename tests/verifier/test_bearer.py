"""A request's Authorization header, and the answers of RFC 6750, for any framework."""

import pytest

from authapi.verifier import InvalidTokenError, VerifierNotReadyError
from authapi.verifier.bearer import RefusedRequest, bearer_token, refused_token, require_scopes
from tests.verifier.fixtures import signer_of, verifier_for

SIGNER = signer_of("ES256")
CLAIMS = verifier_for(SIGNER).verify(SIGNER.token(scope="read write"))


def refusal_of(*authorization: str) -> RefusedRequest:
    with pytest.raises(RefusedRequest) as refused:
        bearer_token(authorization)
    return refused.value


@pytest.mark.parametrize("value", ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "])
def test_the_scheme_has_no_case(value: str) -> None:
    assert bearer_token([value]) == "a.b.c"


@pytest.mark.parametrize("value", ["", "Bearer", "Basic a.b.c", "a.b.c", "Bearera.b.c", "DPoP a"])
def test_what_is_no_bearer_token_is_a_token_that_nobody_accepts(value: str) -> None:
    assert bearer_token([value]) == ""


def test_no_header_is_asked_for_one_and_told_nothing_more() -> None:
    refused = refusal_of()
    assert refused.status == 401
    assert refused.headers == {"WWW-Authenticate": 'Bearer realm="authapi"'}
    assert refused.body["error"] == "invalid_token"


def test_two_headers_are_a_bad_request() -> None:
    refused = refusal_of("Bearer a", "Bearer a")
    assert (refused.status, refused.body["error"]) == (400, "invalid_request")


def test_every_bad_token_gets_the_same_answer() -> None:
    answers = [refused_token(InvalidTokenError(reason)) for reason in ("expired", "forged")]
    assert answers[0].body == answers[1].body
    assert answers[0].headers == answers[1].headers
    assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="authapi", error="invalid_token"'
    assert answers[0].status == 401


def test_a_verifier_that_is_not_ready_is_503_with_a_time_to_come_back() -> None:
    refused = refused_token(VerifierNotReadyError("never loaded"))
    assert (refused.status, refused.body["error"]) == (503, "unavailable")
    assert refused.headers == {"Retry-After": "1"}


@pytest.mark.parametrize("scopes", [[], ["read"], ["read", "write"], ("write", "read")])
def test_scopes_that_the_token_has_are_enough(scopes: list[str]) -> None:
    require_scopes(CLAIMS, scopes)


@pytest.mark.parametrize("scopes", [["admin"], ["read", "admin"], ["rea"], ["read write"]])
def test_a_scope_that_is_missing_is_named(scopes: list[str]) -> None:
    with pytest.raises(RefusedRequest) as refused:
        require_scopes(CLAIMS, scopes)
    named = " ".join(sorted(scopes))
    assert refused.value.status == 403
    assert refused.value.headers["WWW-Authenticate"] == (
        f'Bearer realm="authapi", error="insufficient_scope", scope="{named}"'
    )
