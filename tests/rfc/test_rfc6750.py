"""RFC 6750: bearer tokens in requests, and what is said to who has none."""

import re

import pytest

from tests.support.api import Api
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.service import Service

CHALLENGE = 'Bearer realm="authapi"'
# Section 3: the characters of error_description and scope.
QUOTED = r'"[\x20-\x21\x23-\x5b\x5d-\x7e]*"'
PROTECTED = [
    *(("GET", "/me"), ("PATCH", "/me"), ("GET", "/sessions"), ("DELETE", "/sessions")),
    *(("DELETE", "/sessions/x"), ("POST", "/logout/all"), ("GET", "/verify")),
]
EACH = pytest.mark.parametrize(("method", "path"), PROTECTED)


def status(service: Service, *authorization: str | bytes) -> int:
    headers = [(b"Authorization", _bytes(value)) for value in authorization]
    return service.client.get("/me", headers=headers).status_code


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_section_2_1_the_scheme_has_no_case(service: Service, scheme: str) -> None:
    assert status(service, f"{scheme} {service.tokens.access}") == 200


@pytest.mark.parametrize("spaces", [1, 2, 5])
def test_section_2_1_spaces_part_scheme_and_token(service: Service, spaces: int) -> None:
    assert status(service, "Bearer" + " " * spaces + service.tokens.access) == 200


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "TOKEN", "BearerTOKEN", "Bearer:TOKEN", "Bearer\tTOKEN"),
        *("Bearer TOKEN TOKEN", "Bearer TOKEN, Bearer TOKEN", "Bearer TOKEN,", "Bearer,TOKEN"),
        *("Basic YTpi", "Basic TOKEN", "Token TOKEN", "DPoP TOKEN", "JWT TOKEN", "Bearer Bearer"),
        *(
            'Bearer "TOKEN"',
            "Bearer token=TOKEN",
            "Bearer TOKEN=",
            "Bearer <TOKEN>",
            "Béarer TOKEN",
        ),
        *("Digest username=x, Bearer TOKEN", "Bearer Bearer TOKEN", "Bearer\xa0TOKEN"),
    ],
)
def test_section_2_1_what_is_not_one_token_is_refused(service: Service, header: str) -> None:
    given = header.replace("TOKEN", service.tokens.access).encode("latin-1")
    assert status(service, given) == 401


def test_section_2_two_headers_are_a_malformed_request(service: Service) -> None:
    good = f"Bearer {service.tokens.access}"
    assert status(service, good, good) == 400
    assert status(service, good, "Basic YTpi") == 400
    assert status(service, "", good) == 400


def test_section_2_2_a_token_in_a_form_is_not_read(service: Service) -> None:
    form = {"access_token": service.tokens.access}
    assert service.client.post("/verify", data=form).status_code == 401
    assert service.client.post("/logout/all", data=form).status_code == 415
    assert service.api.verify(service.tokens) == 204


@EACH
def test_section_2_3_a_token_in_the_query_is_not_read(
    service: Service, method: str, path: str
) -> None:
    query = {"access_token": service.tokens.access, "token": service.tokens.access}
    assert service.client.request(method, path, params=query).status_code == 401


@pytest.mark.parametrize("name", ["X-Access-Token", "Token", "Proxy-Authorization", "Cookie"])
def test_section_2_no_other_header_is_read(service: Service, name: str) -> None:
    value = f"access_token={service.tokens.access}" if name == "Cookie" else service.tokens.access
    assert service.client.get("/me", headers={name: value}).status_code == 401


@EACH
def test_section_3_1_who_sends_nothing_is_told_no_error(
    service: Service, method: str, path: str
) -> None:
    json = {"username": "x"} if method == "PATCH" else None
    answer = service.client.request(method, path, json=json)
    assert answer.status_code == 401
    assert answer.headers.get_list("WWW-Authenticate") == [CHALLENGE]


@EACH
def test_section_3_1_a_bad_token_is_an_invalid_token(
    service: Service, method: str, path: str
) -> None:
    json = {"username": "x"} if method == "PATCH" else None
    headers = {"Authorization": "Bearer x.y.z"}
    answer = service.client.request(method, path, json=json, headers=headers)
    assert answer.status_code == 401
    assert answer.headers.get_list("WWW-Authenticate") == [f'{CHALLENGE}, error="invalid_token"']
    assert answer.json()["error"] == "invalid_token"


@sqlite_only
def test_section_3_1_expired_and_revoked_tokens_are_refused_alike(
    api: Api, clock: TestClock
) -> None:
    old = api.register_and_login()
    clock.advance(900)
    revoked = api.login()
    api.expect(204, "POST", "/logout", headers=revoked.bearer)
    answers = [api.client.get("/me", headers=tokens.bearer) for tokens in (old, revoked)]
    assert answers[0].content == answers[1].content
    assert [answer.headers["WWW-Authenticate"] for answer in answers] == [
        f'{CHALLENGE}, error="invalid_token"'
    ] * 2


def test_section_3_1_a_scope_that_is_missing_is_named(service: Service) -> None:
    answer = service.client.get("/verify?scope=admin", headers=service.tokens.bearer)
    assert answer.status_code == 403
    [challenge] = answer.headers.get_list("WWW-Authenticate")
    assert re.fullmatch(f"Bearer realm={QUOTED}, error={QUOTED}, scope={QUOTED}", challenge)
    assert challenge.endswith('error="insufficient_scope", scope="admin"')


def test_section_5_3_an_answer_with_tokens_is_never_kept(service: Service) -> None:
    tokens = service.api.login()
    for answer in (
        service.api.refresh(tokens.refresh),
        service.client.get("/me", headers=service.tokens.bearer),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
