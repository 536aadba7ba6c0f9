"""Log-in with `"remember": false`: a session that ends with the browser, or after a day unused."""

import json

import pytest
from sqlalchemy import insert, select

from authapi.db.models import Session
from authapi.db.sessions import SESSIONS
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.cookies import set_cookies
from tests.support.databases import sqlite_only
from tests.support.rows import every_row
from tests.support.transports import REFRESHING, Holder
from tests.transports.conftest import LogIn

DAY = 86400
refreshing = pytest.mark.parametrize("transport", REFRESHING, indirect=True)


def ages(holder: Holder) -> set[int | None]:
    return {cookie.max_age for cookie in set_cookies(holder.answer).values()}


def test_its_cookies_have_no_max_age(log_in: LogIn, transport: str) -> None:
    holder = log_in(remember=False)
    assert ages(holder) == (set() if transport == "bearer" else {None})
    assert holder.is_in()


@refreshing
def test_those_of_a_refresh_have_none_either(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in(remember=False)
    for _ in range(3):
        clock.advance(900)
        holder.refreshed()
        assert ages(holder) == (set() if holder.transport == "bearer" else {None})


@refreshing
def test_nor_those_of_an_answer_that_is_repeated(log_in: LogIn, clock: TestClock) -> None:
    holder, key = log_in(remember=False), "0123456789abcdef"
    clock.advance(900)
    holder.refresh(key)
    holder.take(holder.refresh(key))
    assert ages(holder) <= {None}


@pytest.mark.parametrize(("seconds", "lives"), [(DAY - 1, True), (DAY, False)])
def test_it_ends_after_a_day_unused(
    log_in: LogIn, clock: TestClock, seconds: int, lives: bool
) -> None:
    holder = log_in(remember=False)
    clock.advance(seconds)
    assert holder.use() is lives


def test_each_use_begins_the_day_anew(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in(remember=False)
    for _ in range(5):
        clock.advance(DAY - 1)
        assert holder.use()
    clock.advance(DAY)
    assert not holder.use()


def test_it_has_the_same_absolute_end(log_in: LogIn) -> None:
    assert log_in(remember=False).body["authorization_expires_in"] == 30 * DAY


@refreshing
@sqlite_only
def test_the_answer_says_that_the_refresh_token_lasts_a_day(log_in: LogIn) -> None:
    assert log_in(remember=False).body["refresh_expires_in"] == DAY


@sqlite_only
def test_a_shorter_idle_time_stays_shorter(
    make_api: MakeApi, transport: str, clock: TestClock
) -> None:
    api = make_api(refresh_idle_ttl=1000)
    api.register()
    holder = Holder(api, transport).log_in(remember=False)
    clock.advance(999)
    assert holder.use()
    clock.advance(1000)
    assert not holder.use()


@sqlite_only
def test_remembered_is_what_a_session_is_without_it(log_in: LogIn) -> None:
    said, silent = log_in(remember=True), log_in()
    assert ages(said) == ages(silent)
    assert None not in ages(said)


@sqlite_only
def test_a_log_in_decides_anew(log_in: LogIn, transport: str) -> None:
    holder = log_in(remember=False)
    holder.log_in()
    assert None not in ages(holder)
    holder.log_in(remember=False)
    assert ages(holder) <= {None}


@sqlite_only
def test_a_log_out_still_clears_its_cookies(log_in: LogIn) -> None:
    holder = log_in(remember=False)
    answer = holder.log_out()
    assert answer.status_code == 204
    assert set(set_cookies(answer)) == set(holder.jar)
    assert all(cookie.clears for cookie in set_cookies(answer).values())


@sqlite_only
def test_anything_but_true_and_false_is_422(api: Api, transport: str) -> None:
    api.register()
    given = {"email": EMAIL, "password": PASSWORD, "transport": transport}
    with every_row() as row:
        for remember in ("null", "0", "1", '"false"', '""', "[]", "{}"):
            with row(remember):
                wrong = {**given, "remember": json.loads(remember)}
                api.expect(422, "POST", "/login", json=wrong)


@sqlite_only
def test_a_session_of_the_release_before_is_remembered(log_in: LogIn, api: Api) -> None:
    """It names no such column when it inserts a row."""
    holder = log_in(remember=False)
    db = api.app.state.runtime.db
    with db.begin() as tx:
        row = tx.execute(select(SESSIONS).where(SESSIONS.c.sid == holder.sid)).one()
        values = {name: value for name, value in row._mapping.items() if name != "remember"}
        tx.execute(insert(SESSIONS).values({**values, "sid": "x" * 22}))
        remember = select(Session.remember).where(Session.sid == "x" * 22)
        assert tx.scalars(remember).one() is True
