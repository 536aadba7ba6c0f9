"""POST /logout and /logout/all, by whatever a client of the transport holds."""

from collections.abc import Callable

import pytest

from authapi.services.accounts.administration import sign_out_user
from tests.support.clock import TestClock
from tests.support.cookies import set_cookies
from tests.support.databases import sqlite_only
from tests.support.operator import operate
from tests.support.transports import Holder
from tests.transports.conftest import LogIn


def test_a_logout_ends_the_session_everywhere(log_in: LogIn) -> None:
    holder, other = log_in(), log_in()
    copy = holder.copy()
    assert holder.log_out().status_code == 204
    assert not copy.is_in()
    assert copy.refresh().status_code in {400, 401}
    assert other.is_in()


@sqlite_only
def test_it_clears_exactly_the_cookies_that_were_sent(log_in: LogIn) -> None:
    holder = log_in()
    flags = {name: cookie.flags for name, cookie in set_cookies(holder.answer).items()}
    cleared = set_cookies(holder.log_out())
    assert {name: cookie.flags for name, cookie in cleared.items()} == flags
    assert {(cookie.value, cookie.max_age) for cookie in cleared.values()} <= {("", 0)}


@sqlite_only
def test_logging_out_twice_is_no_mistake(log_in: LogIn) -> None:
    holder = log_in()
    assert [holder.log_out().status_code for _ in range(2)] == [204, 204]


@sqlite_only
@pytest.mark.parametrize("seconds", [901, 8 * 86400, 40 * 86400])
def test_what_has_run_out_still_logs_out(log_in: LogIn, clock: TestClock, seconds: int) -> None:
    holder = log_in()
    clock.advance(seconds)
    assert holder.log_out().status_code == 204


def exchanged(holder: Holder, clock: TestClock) -> None:
    holder.copy().refreshed()


def ended(holder: Holder, clock: TestClock) -> None:
    assert holder.copy().status("DELETE", f"/sessions/{holder.sid}") == 204


@sqlite_only
@pytest.mark.parametrize("happen", [exchanged, ended])
def test_an_old_credential_logs_out_whatever_became_of_it(
    log_in: LogIn, clock: TestClock, happen: Callable[[Holder, TestClock], None]
) -> None:
    holder = log_in()
    copy = holder.copy()
    if holder.transport != "session" or happen is ended:
        happen(copy, clock)
    assert holder.log_out().status_code == 204
    assert not copy.is_in()


@sqlite_only
def test_a_forged_credential_logs_nobody_out(log_in: LogIn) -> None:
    holder = log_in()
    forged = holder.copy()
    forged.jar.update(dict.fromkeys(forged.jar, "forged"))
    forged.body = {name: "forged" for name in forged.body if name == "access_token"}
    answer = forged.log_out()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert {cookie.name for cookie in set_cookies(answer).values() if cookie.clears} == set(
        forged.jar
    )
    assert holder.is_in()


def test_logging_out_everywhere_ends_all_of_the_users(log_in: LogIn) -> None:
    holder, other, stranger = log_in(), log_in(), log_in("eve@example.com")
    answer = holder.send("POST", "/logout/all")
    assert answer.status_code == 204
    assert [each.is_in() for each in (holder, other, stranger)] == [False, False, True]
    assert {name for name, cookie in set_cookies(answer).items() if cookie.clears} == set(
        holder.jar
    )


def test_a_revocation_by_another_process_is_learned(log_in: LogIn) -> None:
    holder = log_in()
    assert holder.is_in()
    operate(holder.api, sign_out_user)
    holder.api.app.state.runtime.poll.poll()
    assert not holder.is_in()
    assert holder.refresh().status_code in {400, 401}
