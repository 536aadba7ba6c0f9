"""An account has at most AUTHAPI_MAX_SESSIONS sessions (ASVS 7.1.2)."""

import pytest

from tests.support.api import Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.logging import captured
from tests.support.settings import NO_LIMITS
from tests.support.together import together


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    api = make_api(**NO_LIMITS, max_sessions=3)
    api.register()
    return api


def listed(api: Api, tokens: Tokens) -> set[str]:
    sessions = api.expect(200, "GET", "/sessions", headers=tokens.bearer).json()
    return {session["id"] for session in sessions}


def log_in(api: Api, clock: TestClock) -> Tokens:
    clock.advance(1)
    return api.login()


def test_a_log_in_past_it_ends_the_session_that_was_unused_longest(
    api: Api, clock: TestClock
) -> None:
    first, second, third = (log_in(api, clock) for _ in range(3))
    clock.advance(1)
    first = api.refreshed(first.refresh)
    fourth = log_in(api, clock)
    assert listed(api, fourth) == {first.sid, third.sid, fourth.sid}
    assert api.verify(second) == 401
    assert api.refresh(second.refresh).status_code == 401


@sqlite_only
def test_the_new_session_stays_however_little_time_has_passed(api: Api) -> None:
    for _ in range(6):
        tokens = api.login()
        assert tokens.sid in listed(api, tokens)
    assert len(listed(api, tokens)) == 3


@sqlite_only
def test_what_has_ended_does_not_count(api: Api, clock: TestClock) -> None:
    ended = log_in(api, clock)
    kept = [log_in(api, clock), log_in(api, clock)]
    api.expect(204, "POST", "/logout", headers=ended.bearer)
    newest = log_in(api, clock)
    assert listed(api, newest) == {newest.sid, *(tokens.sid for tokens in kept)}


@sqlite_only
def test_the_sessions_of_others_do_not_count(api: Api, clock: TestClock) -> None:
    eve = api.register_and_login("eve@example.com")
    for _ in range(4):
        log_in(api, clock)
    assert api.verify(eve) == 204


@sqlite_only
def test_zero_is_no_limit(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(**NO_LIMITS, max_sessions=0)
    api.register()
    tokens = [log_in(api, clock) for _ in range(12)]
    assert len(listed(api, tokens[-1])) == 12


def test_parallel_log_ins_do_not_overrun_it(api: Api) -> None:
    answers = together(*[api.login] * 8)
    assert all(isinstance(answer, Tokens) for answer in answers)
    assert len(listed(api, api.login())) == 3


@sqlite_only
def test_the_end_is_logged(api: Api, clock: TestClock) -> None:
    first, *_ = (log_in(api, clock) for _ in range(3))
    with captured("json") as log:
        log_in(api, clock)
    event = log.event("sessions_revoked")
    assert (event["sids"], event["reason"]) == ([first.sid], "too_many_sessions")
