"""The refresh cookie: where it counts, and what becomes of it."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.api import Api
from tests.support.clock import TestClock
from tests.support.cookies import NAMES, cookie_header, set_cookies
from tests.support.databases import sqlite_only
from tests.support.transports import Holder

pytestmark = sqlite_only
KEY = "0123456789abcdef"
with_refresh_cookie = pytest.mark.parametrize("transport", ["hybrid", "cookie"])


@with_refresh_cookie
def test_two_refresh_cookies_refresh_nothing(api: Api, victim: Holder, attacker: Holder) -> None:
    headers = cookie_header(*victim.jar.items(), *attacker.jar.items())
    for token in (victim.csrf_token, attacker.csrf_token):
        answer = api.client.post("/refresh", headers=headers | {"X-CSRF-Token": str(token)})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
        assert set_cookies(answer) == {}
    assert victim.refresh(KEY).status_code == 200


@with_refresh_cookie
@pytest.mark.parametrize(
    "path", ["/me", "/verify", "/sessions", "/logout/all"], ids=lambda path: str(path)
)
def test_the_refresh_cookie_alone_opens_nothing(victim: Holder, path: str) -> None:
    victim.body.pop("access_token", None)
    name = NAMES["refresh"]
    victim.jar = type(victim.jar)({name: victim.jar[name]})
    method = "POST" if path == "/logout/all" else "GET"
    assert victim.status(method, path) == 401
    assert victim.status("GET", "/csrf") == 200
    assert victim.refresh(KEY).status_code == 200
    assert victim.log_out().status_code == 204


@with_refresh_cookie
def test_a_refresh_token_of_a_cookie_is_refused_in_a_body(api: Api, victim: Holder) -> None:
    answer = api.refresh(victim.jar[NAMES["refresh"]])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
    body = {"refresh_token": victim.jar[NAMES["refresh"]]}
    assert api.client.post("/logout", json=body).status_code == 401
    assert not victim.is_revoked()


def test_a_refresh_token_of_a_body_is_refused_in_a_cookie(api: Api) -> None:
    tokens = api.register_and_login()
    csrf = {"X-CSRF-Token": api.app.state.runtime.csrf.make(tokens.sid)}
    headers = cookie_header((NAMES["refresh"], tokens.refresh)) | csrf
    answer = api.client.post("/refresh", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
    assert api.client.post("/logout", headers=headers).status_code == 401
    assert api.verify(tokens) == 204


@with_refresh_cookie
def test_a_token_in_the_body_outranks_the_cookie(api: Api, victim: Holder) -> None:
    tokens = api.login()
    body = {"refresh_token": tokens.refresh}
    answer = victim.send("POST", "/refresh", json=body)
    assert (answer.status_code, answer.json()["session_id"]) == (200, tokens.sid)
    assert set_cookies(answer) == {}


@with_refresh_cookie
def test_a_tab_that_lags_behind_gets_the_same_token(victim: Holder, clock: TestClock) -> None:
    clock.advance(900)
    victim.refreshed()
    tab = victim.copy()
    clock.advance(19)
    answer = tab.refresh(KEY)
    assert answer.status_code == 200
    assert answer.json()["rotated"] is False
    set_again = {"cookie": {NAMES["access"]}, "hybrid": set()}[victim.transport]
    assert set(set_cookies(answer)) == set_again
    clock.advance(1)
    assert tab.refresh(KEY).json()["rotated"] is True


@with_refresh_cookie
def test_five_tabs_at_one_moment_all_stay_logged_in(victim: Holder, clock: TestClock) -> None:
    clock.advance(900)
    tabs = [victim.copy() for _ in range(5)]
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda tab: tab.refresh(secrets.token_urlsafe(16)), tabs))
    assert [answer.status_code for answer in answers] == [200] * 5
    victim.take(answers[3])  # whichever answer comes last, its cookie is the one that counts
    clock.advance(900)
    assert victim.refreshed().is_in()


@with_refresh_cookie
def test_a_loser_never_touches_the_winners_cookie(victim: Holder, clock: TestClock) -> None:
    clock.advance(900)
    loser = victim.copy()
    first = victim.refreshed().copy()
    clock.advance(30)
    victim.refreshed()
    for late in (loser, first):
        answer = late.refresh(KEY)
        assert answer.status_code == 401
        assert set_cookies(answer) == {}
