"""RFC 9068: what our access tokens are. They are read here with nothing of ours."""

import json
import re
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import pytest

from authapi.services.accounts.registration import NewUser, add_user
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import START, TestClock
from tests.support.databases import sqlite_only
from tests.support.service import Service

OPAQUE = re.compile("[A-Za-z0-9_-]{22}")
KEYS = {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"}


def part(tokens: Tokens, number: int) -> dict[str, Any]:
    encoded = tokens.access.split(".")[number]
    return dict(json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))))


def header(tokens: Tokens) -> dict[str, Any]:
    return part(tokens, 0)


def claims(tokens: Tokens) -> dict[str, Any]:
    return part(tokens, 1)


@sqlite_only
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256", "HS256"])
def test_section_2_1_the_header_says_what_it_is(make_api: MakeApi, algorithm: str) -> None:
    api = make_api(signing_algorithm=algorithm)
    head = header(api.register_and_login())
    assert set(head) == {"alg", "kid", "typ"}
    assert (head["alg"], head["typ"]) == (algorithm, "at+jwt")


def test_section_2_2_the_claims_are_these(service: Service) -> None:
    assert set(claims(service.tokens)) == {
        *("iss", "sub", "aud", "exp", "iat", "jti", "client_id"),
        *("sid", "auth_time", "acr", "amr", "scope"),
    }


@sqlite_only
def test_section_2_2_they_say_who_for_whom_and_until_when(api: Api) -> None:
    user, tokens = api.register(), api.login()
    said = claims(tokens)
    del said["jti"]
    assert said == {
        "iss": "http://localhost:8000",
        "aud": "authapi",
        "sub": user["id"],
        "sid": tokens.sid,
        "client_id": "authapi",
        "iat": int(START),
        "exp": int(START) + 900,
        "auth_time": int(START),
        "acr": "aal1",
        "amr": ["pwd"],
    }


@sqlite_only
def test_section_2_2_issuer_audience_and_life_are_settings(make_api: MakeApi) -> None:
    issuer = "https://auth.example/tenant"
    api = make_api(public_url=issuer, audience="shop", access_token_ttl=60)
    tokens = api.register_and_login()
    said = claims(tokens)
    assert (said["iss"], said["aud"], said["exp"] - said["iat"]) == (issuer, "shop", 60)
    assert tokens.body["expires_in"] == 60
    assert api.verify(tokens) == 204


def test_section_2_2_the_subject_is_an_opaque_name(service: Service) -> None:
    said = claims(service.tokens)
    for name in ("sub", "sid", "jti"):
        assert OPAQUE.fullmatch(said[name])
    assert "ada" not in json.dumps(said)


@sqlite_only
def test_section_2_2_no_two_tokens_have_one_jti(api: Api) -> None:
    tokens = api.register_and_login()
    pairs = [tokens, api.login(), api.refreshed(tokens.refresh)]
    assert len({claims(pair)["jti"] for pair in pairs}) == 3


@sqlite_only
def test_section_2_2_1_auth_time_is_the_logins_after_a_refresh_too(
    api: Api, clock: TestClock
) -> None:
    tokens = api.register_and_login()
    clock.advance(5000)
    said = claims(api.refreshed(tokens.refresh))
    assert (said["auth_time"], said["iat"]) == (int(START), int(START + 5000))


def test_section_2_2_3_the_scope_is_the_users(service: Service) -> None:
    assert claims(service.tokens)["scope"] == "read write"


@sqlite_only
def test_section_2_2_3_without_a_scope_there_is_no_claim(api: Api) -> None:
    assert "scope" not in claims(api.register_and_login())


@sqlite_only
def test_a_token_never_outlives_its_session(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(session_ttl=1000)
    tokens = api.register_and_login()
    clock.advance(600)
    later = api.refreshed(tokens.refresh)
    assert claims(later)["exp"] == int(START) + 1000
    assert later.body["expires_in"] == 400


@sqlite_only
def test_section_4_an_independent_library_verifies_it_with_the_public_key(api: Api) -> None:
    tokens = api.register_and_login()
    [jwk] = api.client.get("/.well-known/jwks.json").json()["keys"]
    assert set(jwk) <= KEYS
    verified = jwt.decode(
        tokens.access,
        jwt.PyJWK(jwk).key,
        algorithms=["ES256"],
        audience="authapi",
        issuer="http://localhost:8000",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert verified == claims(tokens)


@pytest.mark.parametrize(("algorithm", "limit"), [("ES256", 600), ("EdDSA", 600), ("HS256", 600)])
@sqlite_only
def test_a_token_is_small(make_api: MakeApi, algorithm: str, limit: int) -> None:
    tokens = make_api(signing_algorithm=algorithm).register_and_login()
    assert len(tokens.access) <= limit


@sqlite_only
def test_an_operators_scopes_leave_room(api: Api) -> None:
    runtime = api.app.state.runtime
    user = NewUser(EMAIL, PASSWORD, scopes="reports:read reports:write")
    api.expect(200, "GET", "/readyz")
    add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)
    assert len(api.login().access) <= 600
