"""ENDING_SESSIONS_NEEDS_FRESH_LOGIN: who ends other sessions proves a factor again (ASVS 7.5.2)."""

import httpx
import pytest

from tests.support.api import PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import enrol, log_in_with

PATHS = ("DELETE /sessions", "DELETE /sessions/{other}", "POST /logout/all")
STALE = 'Bearer error="insufficient_user_authentication", max_age="600"'


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    return make_api(ending_sessions_needs_fresh_login=True)


def end(api: Api, tokens: Tokens, path: str, other: Tokens) -> httpx.Response:
    method, _, url = path.replace("{other}", other.sid).partition(" ")
    return api.client.request(method, url, headers=tokens.bearer)


def proven_again(api: Api, tokens: Tokens, **proof: str) -> Tokens:
    return Tokens(api.expect(200, "POST", "/reauth", json=proof, headers=tokens.bearer).json())


@pytest.mark.parametrize("path", PATHS)
def test_by_a_setting_the_end_of_other_sessions_needs_a_fresh_log_in(
    api: Api, clock: TestClock, path: str
) -> None:
    other, tokens = api.register_and_login(), api.login()
    clock.advance(601)
    answer = end(api, tokens, path, other)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, STALE)
    assert answer.json()["error"] == "insufficient_user_authentication"
    assert [api.verify(each) for each in (other, tokens)] == [204, 204]
    tokens = proven_again(api, tokens, password=PASSWORD)
    assert end(api, tokens, path, other).status_code == 204
    assert api.verify(other) == 401


@pytest.mark.parametrize("path", PATHS)
def test_where_there_is_a_second_factor_it_needs_that_too(
    api: Api, clock: TestClock, path: str
) -> None:
    by_password = api.register_and_login()
    app = enrol(api, by_password, clock)
    tokens = log_in_with(api, app)
    answer = end(api, by_password, path, tokens)
    assert answer.headers["www-authenticate"] == f'{STALE}, acr_values="aal2"'
    assert [api.verify(each) for each in (by_password, tokens)] == [204, 204]
    assert end(api, tokens, path, by_password).status_code == 204
    assert api.verify(by_password) == 401


@pytest.mark.parametrize("path", ["DELETE /sessions/{other}", "POST /logout"])
def test_nobody_proves_anything_to_end_the_own_session(
    api: Api, clock: TestClock, path: str
) -> None:
    other, tokens = api.register_and_login(), api.login()
    clock.advance(601)
    assert end(api, tokens, path, tokens).status_code == 204
    assert [api.verify(each) for each in (other, tokens)] == [204, 401]


@sqlite_only
def test_what_is_not_ones_own_is_as_unknown_as_before(api: Api, clock: TestClock) -> None:
    eve, tokens = api.register_and_login("eve@example.com"), api.register_and_login()
    told = [end(api, tokens, f"DELETE /sessions/{sid}", eve) for sid in (eve.sid, "A" * 22)]
    assert [answer.status_code for answer in told] == [404, 404]
    clock.advance(601)
    told = [end(api, tokens, f"DELETE /sessions/{sid}", eve) for sid in (eve.sid, "A" * 22)]
    assert [answer.status_code for answer in told] == [401, 401]
    assert told[0].content == told[1].content


@pytest.mark.parametrize("path", PATHS)
def test_without_the_setting_whoever_notices_a_theft_is_quick(
    make_api: MakeApi, clock: TestClock, path: str
) -> None:
    api = make_api()
    other, tokens = api.register_and_login(), api.login()
    enrol(api, tokens, clock)
    clock.advance(601)
    assert end(api, tokens, path, other).status_code == 204
    assert api.verify(other) == 401
