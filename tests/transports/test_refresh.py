"""POST /refresh. Transport `session` has nothing to refresh: its idle time goes by its requests."""

import pytest

from tests.support.clock import TestClock
from tests.support.cookies import set_cookies
from tests.support.databases import sqlite_only
from tests.support.transports import REFRESHING
from tests.transports.conftest import LogIn

pytestmark = sqlite_only
refreshing = pytest.mark.parametrize("transport", REFRESHING, indirect=True)
KEY, OTHER_KEY = "0123456789abcdef", "fedcba9876543210"


@refreshing
def test_an_access_token_that_has_run_out_is_replaced(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    clock.advance(900)
    assert not holder.is_in()
    assert holder.refreshed().is_in()


@refreshing
def test_the_answer_is_like_that_of_a_login(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    before = holder.copy()
    clock.advance(900)
    holder.refreshed()
    assert set(holder.body) == set(before.body)
    assert holder.body.get("csrf_token") == before.body.get("csrf_token")
    assert holder.body.get("rotated", True) is True
    old, new = set_cookies(before.answer), set_cookies(holder.answer)
    assert {name: (cookie.max_age, cookie.flags) for name, cookie in old.items()} == {
        name: (cookie.max_age, cookie.flags) for name, cookie in new.items()
    }
    assert [name for name in old if old[name].value == new[name].value] == []


@refreshing
def test_it_is_still_the_same_session(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    sid = holder.sid
    clock.advance(60)
    assert holder.refreshed().sid == sid
    [listed] = holder.send("GET", "/sessions").json()
    assert listed["id"] == sid


@refreshing
def test_no_refresh_puts_off_the_end_of_the_authorization(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    for days in (5, 10, 15, 20, 25):
        clock.advance(5 * 86400)
        left = holder.refreshed().body["authorization_expires_in"]
        assert left == (30 - days) * 86400
    assert holder.body["refresh_expires_in"] == left


@refreshing
def test_a_lost_answer_is_given_again(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    clock.advance(900)
    lost, again = holder.refresh(KEY), holder.copy()
    clock.advance(100_000)
    again.take(holder.refresh(KEY))
    assert again.is_in()
    if holder.transport == "bearer":
        assert again.body["refresh_token"] == lost.json()["refresh_token"]
    else:
        name = "authapi-refresh"
        assert set_cookies(again.answer)[name].value == set_cookies(lost)[name].value


@refreshing
def test_owner_and_thief_end_the_session(log_in: LogIn, clock: TestClock) -> None:
    owner = log_in()
    thief = owner.copy()
    clock.advance(900)
    thief.refreshed()
    clock.advance(900)
    thief.refreshed()
    refused = owner.refresh(OTHER_KEY)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_grant")
    assert not thief.is_in()
    assert thief.refresh(KEY).status_code == 401


@refreshing
def test_a_refused_refresh_touches_no_cookie(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    clock.advance(8 * 86400)
    answer = holder.refresh(KEY)
    assert answer.status_code == 401
    assert set_cookies(answer) == {}
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi"'


@pytest.mark.parametrize("transport", ["session"], indirect=True)
def test_a_session_has_nothing_to_refresh(log_in: LogIn) -> None:
    holder = log_in()
    answer = holder.refresh()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert set_cookies(answer) == {}
    assert holder.is_in()
