"""POST /logout and /logout/all (docs/http.md)."""

from collections.abc import Callable

import pytest

from tests.support.api import Api, Tokens
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only

LogOut = Callable[[Api, Tokens], None]

DAY = 86400


def by_header(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/logout", headers=tokens.bearer)


def by_body(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/logout", json={"refresh_token": tokens.refresh})


def by_both(api: Api, tokens: Tokens) -> None:
    body = {"refresh_token": tokens.refresh}
    api.expect(204, "POST", "/logout", json=body, headers=tokens.bearer)


WAYS = pytest.mark.parametrize("log_out", [by_header, by_body, by_both])


def is_over(api: Api, tokens: Tokens) -> bool:
    """Neither token of the pair is good for anything."""
    refresh = api.refresh(tokens.refresh)
    assert refresh.status_code in {200, 401}
    return api.verify(tokens) == 401 and refresh.status_code == 401


@WAYS
def test_a_logout_ends_the_session(api: Api, log_out: LogOut) -> None:
    tokens = api.register_and_login()
    log_out(api, tokens)
    assert is_over(api, tokens)


@sqlite_only
@WAYS
def test_other_sessions_go_on(api: Api, log_out: LogOut) -> None:
    tokens, other = api.register_and_login(), api.login()
    log_out(api, tokens)
    assert not is_over(api, other)


@sqlite_only
@WAYS
def test_logging_out_twice_is_no_mistake(api: Api, log_out: LogOut) -> None:
    tokens = api.register_and_login()
    log_out(api, tokens)
    log_out(api, tokens)


@sqlite_only
def test_the_answer_has_no_body(api: Api) -> None:
    tokens = api.register_and_login()
    assert api.client.post("/logout", headers=tokens.bearer).content == b""


@sqlite_only
def test_an_expired_access_token_still_logs_out(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    clock.advance(1000)
    by_header(api, tokens)
    assert api.refresh(tokens.refresh).status_code == 401


@sqlite_only
def test_an_expired_refresh_token_still_logs_out(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    clock.advance(8 * DAY)
    by_body(api, tokens)


@sqlite_only
def test_an_exchanged_refresh_token_still_logs_out(api: Api) -> None:
    tokens = api.register_and_login()
    successor = api.refreshed(tokens.refresh)
    by_body(api, tokens)
    assert is_over(api, successor)


@sqlite_only
def test_two_credentials_end_both_their_sessions(api: Api) -> None:
    one, other = api.register_and_login(), api.login()
    api.expect(204, "POST", "/logout", json={"refresh_token": other.refresh}, headers=one.bearer)
    assert is_over(api, one)
    assert is_over(api, other)


@sqlite_only
@pytest.mark.parametrize(
    "more", [{}, {"json": {}}, {"json": None}, {"json": {"refresh_token": None}}]
)
def test_without_a_credential_nobody_is_logged_out(api: Api, more: dict[str, object]) -> None:
    answer = api.expect(401, "POST", "/logout", **more)
    assert answer.json()["error"] == "invalid_token"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi"'


@sqlite_only
@pytest.mark.parametrize("place", ["header", "body"])
@pytest.mark.parametrize("kind", ["nonsense", "altered", "of the other kind", "empty"])
def test_what_is_forged_logs_nobody_out(api: Api, place: str, kind: str) -> None:
    tokens = api.register_and_login()
    own, other = tokens.access, tokens.refresh
    if place == "body":
        own, other = other, own
    forged = {
        "nonsense": "a.b.c",
        "altered": own[:-10] + ("A" if own[-10] != "A" else "B") + own[-9:],
        "of the other kind": other,
        "empty": "",
    }[kind]
    answer = (
        api.client.post("/logout", headers={"Authorization": f"Bearer {forged}"})
        if place == "header"
        else api.client.post("/logout", json={"refresh_token": forged})
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert not is_over(api, tokens)


@sqlite_only
def test_a_request_with_two_authorization_headers_logs_nobody_out(api: Api) -> None:
    tokens = api.register_and_login()
    twice = [("Authorization", f"Bearer {tokens.access}")] * 2
    answer = api.client.post("/logout", headers=twice)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert not is_over(api, tokens)


def test_logging_out_everywhere_ends_every_session_of_the_user(api: Api) -> None:
    sessions = [api.register_and_login(), api.login(), api.login()]
    api.expect(204, "POST", "/logout/all", headers=sessions[1].bearer)
    assert [is_over(api, tokens) for tokens in sessions] == [True, True, True]


@sqlite_only
def test_logging_out_everywhere_leaves_other_users_alone(api: Api) -> None:
    tokens, other = api.register_and_login(), api.register_and_login("eve@example.com")
    api.expect(204, "POST", "/logout/all", headers=tokens.bearer)
    assert not is_over(api, other)


@sqlite_only
def test_after_logging_out_everywhere_a_new_login_works(api: Api) -> None:
    tokens = api.register_and_login()
    api.expect(204, "POST", "/logout/all", headers=tokens.bearer)
    assert not is_over(api, api.login())


@sqlite_only
def test_logging_out_everywhere_needs_an_access_token(api: Api) -> None:
    tokens = api.register_and_login()
    api.expect(401, "POST", "/logout/all", json={"refresh_token": tokens.refresh})
    assert not is_over(api, tokens)
