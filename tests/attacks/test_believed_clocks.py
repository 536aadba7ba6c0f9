"""Kind: clocks and empty answers are believed.

A database's clock leaps ahead, and is set back. What was learned stays learned, but a time that
turns out wrong is given up: nobody is stale, deaf or without rest for as long as the leap.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from authapi.services.keys.rotation import rotate_key
from authapi.verifier.lifetimes import WINDOW_SECONDS
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.until import until
from tests.verifier.fake_issuer import FakeIssuer
from tests.verifier.fixtures import NOW
from tests.verifier.test_feed_follower import Follower

LEAP = 3000.0
LONG = 30


# The verifier


@pytest.fixture
def leapt() -> Follower:
    """One whose issuer's time leapt ahead for a while."""
    follower = Follower(FakeIssuer())
    for second in range(100):
        answered(follower, NOW + second + LEAP * (second > 0), cursor=f"leap{second}")
    return follower


def answered(
    follower: Follower, as_of: float, *, cursor: str = "c", sid: str | None = None
) -> None:
    """Let it ask, and let a second pass."""
    sessions = {sid: as_of + WINDOW_SECONDS} if sid else {}
    follower.ask(as_of=as_of, cursor=cursor, sessions=sessions)
    follower.ticks.advance(1)
    follower.wall += 1


def test_staleness_ends_when_the_issuers_clock_is_right_again(leapt: Follower) -> None:
    ages = []
    for second in range(100, 130):
        answered(leapt, NOW + second, cursor=f"right{second}")
        ages.append(leapt.revocations.staleness() or 0.0)
    assert max(ages) < 10
    assert ages[-1] <= 1


def test_a_clock_that_was_wrongly_set_back_makes_nobody_stale(leapt: Follower) -> None:
    for second in range(100, 130):
        answered(leapt, NOW + second - LEAP)
    for second in range(130, 160):
        answered(leapt, NOW + second)
    assert not leapt.revocations.is_stale()


def test_a_cursor_of_the_leap_is_given_up(leapt: Follower) -> None:
    for second in range(100, 130):
        answered(leapt, NOW + second, cursor=f"right{second}")
    assert leapt.issuer.queries()[-1]["since"] == "right128"


def test_the_whole_window_is_read_once_the_clock_was_set_back(leapt: Follower) -> None:
    before = len(leapt.issuer.queries())
    for second in range(100, 130):
        answered(leapt, NOW + second)
    assert {} in leapt.issuer.queries()[before:]


def test_while_time_is_in_doubt_no_request_waits(leapt: Follower) -> None:
    answered(leapt, NOW + 100)
    answered(leapt, NOW + 101)
    assert "wait" not in leapt.issuer.queries()[-1]


def test_what_was_learned_in_the_leap_stays_learned(leapt: Follower) -> None:
    answered(leapt, NOW + 100 + LEAP, sid="a")
    for second in range(101, 130):
        answered(leapt, NOW + second)
    assert len(leapt.revocations) == 1


@pytest.mark.parametrize("times", [[5], [5, 6], [3, 5, 6, 7.5], [1, 3, 5, 6.5, 8, 9, 11]])
def test_processes_that_are_cut_off_prove_no_new_time(times: list[float]) -> None:
    """Each repeats its last time, whichever of them the load balancer asks."""
    follower = Follower(FakeIssuer())
    answered(follower, NOW + 20)
    for second in range(35):
        answered(follower, NOW + times[second % len(times)])
    assert follower.revocations.is_stale()


# The issuer


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def set_back(make_api: MakeApi, clock: TestClock) -> Api:
    """One whose database's clock leapt ahead, and was set back."""
    api = make_api(revocation_poll=0.05)
    api.register()
    clock.advance(LEAP)
    poll(api)
    return api


def poll(api: Api) -> None:
    api.app.state.runtime.poll.poll()


def ask(api: Api, **query: object) -> httpx.Response:
    return api.client.get("/revocations", params={key: str(query[key]) for key in query})


def waiting(pool: ThreadPoolExecutor, api: Api, since: str) -> Future[httpx.Response]:
    changed = api.app.state.runtime.revocations.pages.changed
    before = changed.readers
    answer = pool.submit(partial(ask, api, since=since, wait=LONG))
    until(lambda: changed.readers > before)
    return answer


def test_a_cursor_of_the_leap_is_woken_by_a_log_out(
    set_back: Api, clock: TestClock, pool: ThreadPoolExecutor
) -> None:
    cursor = ask(set_back).json()["cursor"]
    clock.advance(-LEAP)
    for _ in range(2):  # news wake readers twice
        poll(set_back)
    tokens = set_back.login()
    answer = waiting(pool, set_back, cursor)
    clock.advance(1)
    set_back.expect(204, "POST", "/logout", headers=tokens.bearer)
    assert tokens.sid in answer.result(60).json()["sessions"]


def test_who_waits_while_the_clock_is_set_back_is_told_the_new_time(
    set_back: Api, clock: TestClock, pool: ThreadPoolExecutor
) -> None:
    cursor = ask(set_back).json()["cursor"]
    answer = waiting(pool, set_back, cursor)
    clock.advance(-LEAP)
    assert answer.result(60).json()["as_of"] < float(cursor)


def test_readers_find_rest_after_the_clock_was_set_back(
    set_back: Api, clock: TestClock, pool: ThreadPoolExecutor
) -> None:
    tokens = set_back.login()
    set_back.expect(204, "POST", "/logout", headers=tokens.bearer)
    poll(set_back)  # news of the leap
    clock.advance(-LEAP)
    poll(set_back)
    for _ in range(2):
        clock.advance(1)
        poll(set_back)
    answer = waiting(pool, set_back, ask(set_back).json()["cursor"])
    with pytest.raises(TimeoutError):
        answer.result(0.3)
    set_back.app.state.runtime.revocations.pages.changed.close()


def test_a_cursor_of_before_the_leap_loses_nothing(set_back: Api, clock: TestClock) -> None:
    clock.advance(-LEAP)
    poll(set_back)
    cursor = ask(set_back).json()["cursor"]
    tokens = set_back.login()
    clock.advance(1)
    set_back.expect(204, "POST", "/logout", headers=tokens.bearer)
    for leap in (LEAP, -LEAP):
        clock.advance(leap)
        poll(set_back)
    assert tokens.sid in ask(set_back, since=cursor).json()["sessions"]


def test_a_retired_key_verifies_on_after_a_leap(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api()
    tokens = api.register_and_login()
    runtime = api.app.state.runtime
    rotate_key(runtime.db, runtime.settings, at_once=True)
    poll(api)
    for leap in (5000, -5000):
        clock.advance(leap)
        poll(api)
    assert api.verify(tokens) == 204


def test_a_clock_that_is_set_back_hides_no_staleness(
    make_api: MakeApi, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is cut off from its database, and its own clock is set back meanwhile."""
    ticks = TestClock()
    monkeypatch.setattr("authapi.services.revocation.feed.monotonic", ticks)
    api = make_api(revocation_fail_closed=True)
    tokens = api.register_and_login()
    ticks.advance(121)
    clock.advance(-30)
    assert api.verify(tokens) == 503
