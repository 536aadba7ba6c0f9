"""What `/refresh` refuses before it asks which row fits, and that every refusal looks the same."""

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import delete

from authapi.db.models import Session
from authapi.services.accounts.administration import disable_user
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.app_transport import raw_headers
from tests.support.clock import TestClock
from tests.support.operator import operate
from tests.support.refresh_rule import RefreshRule, new_key

# What is refused before the database is asked need not be tried on both.
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F))


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


def forged(api: Api, tokens: Tokens) -> str:
    head, _, signature = tokens.refresh.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def of_another_type(api: Api, tokens: Tokens) -> str:
    return tokens.access


def of_another_transport(api: Api, tokens: Tokens) -> str:
    return (
        RefreshRule(api.app.state.runtime, "cookie", email=EMAIL, password=PASSWORD)
        .log_in()
        .refresh_token
    )


def of_a_revoked_session(api: Api, tokens: Tokens) -> str:
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    return tokens.refresh


def of_a_disabled_user(api: Api, tokens: Tokens) -> str:
    operate(api, disable_user)
    return tokens.refresh


def of_a_deleted_user(api: Api, tokens: Tokens) -> str:
    api.expect(204, "POST", "/me/delete", headers=tokens.bearer, json={"password": PASSWORD})
    return tokens.refresh


def of_a_session_that_is_gone(api: Api, tokens: Tokens) -> str:
    with api.app.state.runtime.db.begin() as tx:
        tx.execute(delete(Session).where(Session.sid == tokens.sid))
    return tokens.refresh


def replayed(api: Api, tokens: Tokens) -> str:
    api.refreshed(tokens.refresh)
    return tokens.refresh


def empty(api: Api, tokens: Tokens) -> str:
    return ""


def not_a_token(api: Api, tokens: Tokens) -> str:
    return "x" * 9000


REFUSED = [
    forged,
    of_another_type,
    of_another_transport,
    of_a_revoked_session,
    of_a_disabled_user,
    of_a_deleted_user,
    of_a_session_that_is_gone,
    replayed,
    empty,
    not_a_token,
]


def bytes_of(response: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    headers = [pair for pair in response.headers.items() if pair[0] not in ("x-request-id", "date")]
    return response.status_code, response.content, sorted(headers)


@pytest.mark.parametrize("token", REFUSED)
def test_every_refused_token_is_the_401_of_no_token(
    api: Api, tokens: Tokens, token: Callable[[Api, Tokens], str]
) -> None:
    nothing = api.client.post("/refresh", json={})
    assert nothing.status_code == 401
    assert nothing.headers["www-authenticate"] == 'Bearer realm="authapi"'
    assert bytes_of(api.refresh(token(api, tokens))) == bytes_of(nothing)


def test_an_expired_token_is_the_same_401(api: Api, tokens: Tokens, clock: TestClock) -> None:
    nothing = api.client.post("/refresh")
    clock.advance(604_800)
    assert bytes_of(api.refresh(tokens.refresh)) == bytes_of(nothing)


def test_a_late_duplicate_is_the_same_401(api: Api, tokens: Tokens) -> None:
    key = new_key()
    api.refreshed(api.refreshed(tokens.refresh, key).refresh)
    assert bytes_of(api.refresh(tokens.refresh, key)) == bytes_of(api.client.post("/refresh"))


@pytest.mark.parametrize("token", [forged, of_another_type])
def test_what_is_not_genuine_harms_no_session(
    api: Api, tokens: Tokens, token: Callable[[Api, Tokens], str]
) -> None:
    api.refresh(token(api, tokens))
    api.refreshed(tokens.refresh)


@on_one_database
def test_a_token_that_is_no_text_is_422(api: Api) -> None:
    api.expect(422, "POST", "/refresh", json={"refresh_token": 5})


@on_one_database
def test_a_misspelt_field_is_422(api: Api, tokens: Tokens) -> None:
    api.expect(422, "POST", "/refresh", json={"refreshToken": tokens.refresh})


@on_one_database
def test_a_body_that_is_not_json_is_400(api: Api) -> None:
    json = {"Content-Type": "application/json"}
    api.expect(400, "POST", "/refresh", content=b"{", headers=json)


@on_one_database
def test_a_form_is_415(api: Api, tokens: Tokens) -> None:
    api.expect(415, "POST", "/refresh", data={"refresh_token": tokens.refresh})


@on_one_database
@pytest.mark.parametrize("key", ["k" * 16, "k" * 128, PRINTABLE])
def test_a_key_is_16_to_128_visible_ascii_characters(api: Api, tokens: Tokens, key: str) -> None:
    api.refreshed(tokens.refresh, key)


@on_one_database
@pytest.mark.parametrize(
    "key", [b"", b"k" * 15, b"k" * 129, b"k" * 15 + b" " + b"k", b"k" * 16 + b"\xe9", b"\x7f" * 16]
)
def test_a_bad_key_is_400_and_uses_nothing_up(api: Api, tokens: Tokens, key: bytes) -> None:
    response = api.client.post(
        "/refresh", json={"refresh_token": tokens.refresh}, headers={b"Idempotency-Key": key}
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    api.refreshed(tokens.refresh)


@on_one_database
def test_two_keys_are_400(api: Api, tokens: Tokens) -> None:
    headers = raw_headers(("Idempotency-Key", new_key()), ("Idempotency-Key", new_key()))
    api.expect(400, "POST", "/refresh", json={"refresh_token": tokens.refresh}, headers=headers)
