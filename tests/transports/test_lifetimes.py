"""Idle and absolute lifetime, on both databases: it is their clocks that decide."""

import pytest

from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.transports import Holder
from tests.transports.conftest import LogIn

DAY = 86400


@pytest.mark.parametrize(("seconds", "lives"), [(7 * DAY - 1, True), (7 * DAY, False)])
def test_a_session_that_nobody_uses_ends(
    log_in: LogIn, clock: TestClock, seconds: int, lives: bool
) -> None:
    holder = log_in()
    clock.advance(seconds)
    assert holder.use() is lives


def test_each_use_begins_the_idle_time_anew(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    for _ in range(4):
        clock.advance(7 * DAY - 1)
        assert holder.use()
    clock.advance(7 * DAY)
    assert not holder.use()


def test_no_session_outlives_its_end(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    for _ in range(29):
        clock.advance(DAY)
        assert holder.use()
    clock.advance(DAY - 1)
    assert holder.use()
    clock.advance(1)
    assert not holder.use()
    assert not holder.is_in()


def test_a_last_use_hands_out_nothing_that_lives_longer(
    make_api: MakeApi, transport: str, clock: TestClock
) -> None:
    api = make_api(session_ttl=1000, refresh_idle_ttl=900, access_token_ttl=600)
    api.register()
    holder = Holder(api, transport).log_in()
    clock.advance(700)
    assert holder.use()
    clock.advance(299)
    assert holder.is_in()
    clock.advance(1)
    assert not holder.is_in()


def test_the_list_tells_when_it_was_used_and_ends(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    [before] = holder.send("GET", "/sessions").json()
    clock.advance(3600)
    assert holder.use()
    [after] = holder.send("GET", "/sessions").json()
    assert after["created_at"] == before["created_at"]
    assert after["last_used_at"] > before["last_used_at"]
    assert after["expires_at"] > before["expires_at"]
