"""What is asked of the feed, and when: since which cursor, waiting or not, after what pause."""

import asyncio

import httpx
import pytest

from authapi.verifier.following.contact import Contact
from authapi.verifier.following.feed import (
    LEAST_PAUSE_SECONDS,
    MOST_PAUSE_SECONDS,
    PLAIN_POLLS_FOR_SECONDS,
    WAIT_SECONDS,
    WHOLE_WINDOW_EVERY_SECONDS,
    FeedFollower,
)
from authapi.verifier.following.fetching import FetchError
from authapi.verifier.following.issuer import IssuerAddress, IssuerSite
from authapi.verifier.following.revocations import FollowedRevocations
from tests.support.clock import TestClock
from tests.verifier.fake_issuer import ISSUER, REVOCATIONS, FakeIssuer, json_body, out_of_reach
from tests.verifier.fixtures import NOW

POLL = 1.0
WHOLE: dict[str, str] = {}


class Follower(FeedFollower):
    """Against the fake issuer, which answers at once however it is asked to wait."""

    def __init__(self, issuer: FakeIssuer, catch_up: float | None = None) -> None:
        self.issuer = issuer
        self.wall = float(NOW)
        self.ticks = TestClock()
        self.compromised = 0
        self.contact = Contact(catch_up, clock=lambda: self.wall, monotonic=self.ticks)
        self.revocations = FollowedRevocations(self.contact, max_staleness=30, fail_closed=False)
        super().__init__(
            IssuerSite(IssuerAddress.read(ISSUER, fetch_from=None, allow_http=False), issuer),
            self.revocations,
            self.contact,
            poll_interval=POLL,
            on_compromised_key=self._count,
        )

    def _count(self) -> None:
        self.compromised += 1

    def ask(self, *, takes: float = 0, **page: object) -> float:
        """One request that takes so long, and is answered by that page."""
        answer = json_body(self.issuer.page(**page))

        async def late(request: httpx.Request) -> httpx.Response:
            self.ticks.advance(takes)
            return await answer(request)

        self.issuer.instead[REVOCATIONS] = late
        return asyncio.run(self.follow())

    def fail(self) -> None:
        self.issuer.instead[REVOCATIONS] = out_of_reach
        with pytest.raises(FetchError):
            asyncio.run(self.follow())


@pytest.fixture
def follower(issuer: FakeIssuer) -> Follower:
    return Follower(issuer)


@pytest.fixture
def following(follower: Follower) -> Follower:
    """One that has the whole window, to cursor c0."""
    follower.ask(cursor="c0", as_of=NOW)
    return follower


def last_query(follower: Follower) -> dict[str, str]:
    return follower.issuer.queries()[-1]


def test_the_first_request_is_for_the_whole_window(follower: Follower) -> None:
    assert follower.ask() == 0
    assert last_query(follower) == WHOLE


def test_the_next_ones_wait_for_what_is_new_since(following: Follower) -> None:
    following.ask(takes=WAIT_SECONDS, cursor="c1", as_of=NOW + 20)
    assert last_query(following) == {"since": "c0", "wait": "20"}
    following.ask(takes=WAIT_SECONDS, cursor="c2", as_of=NOW + 40)
    assert last_query(following)["since"] == "c1"


def test_a_request_that_waited_in_vain_is_followed_by_the_next_at_once(following: Follower) -> None:
    assert following.ask(takes=WAIT_SECONDS, as_of=NOW + 20) == 0


def test_news_are_followed_by_a_short_pause(following: Follower) -> None:
    assert following.ask(as_of=NOW + 1, sessions={"a": NOW + 3690}) == LEAST_PAUSE_SECONDS


def test_the_pause_grows_while_news_come_at_once(following: Follower) -> None:
    pauses = [following.ask(as_of=NOW + n, sessions={f"s{n}": NOW + 3690}) for n in range(1, 6)]
    assert pauses == [0.02, 0.04, 0.08, MOST_PAUSE_SECONDS, MOST_PAUSE_SECONDS]
    after = following.ask(takes=1, as_of=NOW + 9, sessions={"z": NOW + 3690})
    assert after == LEAST_PAUSE_SECONDS


def test_an_echo_of_the_last_news_is_no_sign_that_the_issuer_never_waits(
    following: Follower,
) -> None:
    for n in range(1, 7):
        following.ask(as_of=NOW + n, sessions={f"s{n}": NOW + 3690})
    assert following.ask(as_of=NOW + 7) == LEAST_PAUSE_SECONDS


def test_an_issuer_that_never_waits_is_polled(following: Follower) -> None:
    pauses = [following.ask(as_of=NOW + number) for number in range(1, 9)]
    assert pauses == [*[LEAST_PAUSE_SECONDS * 2**number for number in range(6)], POLL, POLL]


def test_after_a_failure_the_whole_window_is_read(following: Follower) -> None:
    following.fail()
    following.ask(as_of=NOW + 1)
    assert last_query(following) == WHOLE


def test_the_whole_window_is_read_every_few_minutes(following: Follower) -> None:
    following.ticks.advance(WHOLE_WINDOW_EVERY_SECONDS * 0.79)
    following.ask(as_of=NOW + 1)
    assert last_query(following) != WHOLE
    following.ticks.advance(WHOLE_WINDOW_EVERY_SECONDS * 0.21)
    following.ask(as_of=NOW + 2)
    assert last_query(following) == WHOLE


def test_what_a_lost_page_said_comes_with_the_whole_window(following: Follower) -> None:
    following.issuer.revoke("lost")
    following.ticks.advance(WHOLE_WINDOW_EVERY_SECONDS)
    following.ask(as_of=NOW + 2)
    assert len(following.revocations) == 1


def test_two_waits_that_fail_in_a_row_are_followed_by_a_minute_of_polls(
    following: Follower,
) -> None:
    following.fail()
    following.ask(as_of=NOW + 1)
    following.fail()
    following.ask(as_of=NOW + 2)
    assert following.ask(as_of=NOW + 3) == POLL
    assert "wait" not in last_query(following)
    following.ticks.advance(PLAIN_POLLS_FOR_SECONDS)
    following.ask(as_of=NOW + 70)
    assert "wait" in last_query(following)


def test_one_wait_that_fails_is_no_reason_to_poll(following: Follower) -> None:
    for number in range(1, 5):
        following.fail()
        following.ask(as_of=NOW + 10 * number)
        following.ask(takes=WAIT_SECONDS, as_of=NOW + 10 * number + 1)
        assert "wait" in last_query(following)


def test_an_issuer_that_is_down_is_no_reason_to_poll(following: Follower) -> None:
    for _ in range(5):
        following.fail()
    following.ask(as_of=NOW + 10)
    following.ask(as_of=NOW + 11)
    assert "wait" in last_query(following)


def test_the_cursor_of_a_process_that_lags_is_not_taken(following: Follower) -> None:
    following.ask(cursor="ahead", as_of=NOW + 20)
    following.ask(cursor="behind", as_of=NOW + 10, sessions={"a": NOW + 3690})
    following.ask(as_of=NOW + 21)
    assert last_query(following)["since"] == "ahead"
    assert len(following.revocations) == 1


def test_after_a_page_whose_time_stood_still_another_connection_is_made(
    following: Follower,
) -> None:
    following.ask(as_of=NOW)
    following.ask(as_of=NOW + 1)
    assert following.issuer.asked[-1].headers["connection"] == "close"
    following.ask(as_of=NOW + 2)
    assert following.issuer.asked[-1].headers["connection"] != "close"


def test_a_compromised_key_is_told_once(following: Follower) -> None:
    following.ask(as_of=NOW + 1, keys=["k"])
    following.ask(as_of=NOW + 2, keys=["k"])
    assert following.compromised == 1


def test_a_page_that_is_none_changes_nothing(following: Follower) -> None:
    following.issuer.instead[REVOCATIONS] = json_body({"sessions": {"a": NOW + 3690}})
    with pytest.raises(FetchError):
        asyncio.run(following.follow())
    assert len(following.revocations) == 0


# Catching up

CATCH_UP = 6.0


@pytest.fixture
def catching_up(issuer: FakeIssuer) -> Follower:
    follower = Follower(issuer, CATCH_UP)
    follower.ask(cursor="c0", as_of=NOW)
    return follower


def test_it_waits_for_a_third_of_catch_up_at_most(catching_up: Follower) -> None:
    catching_up.ask(takes=2, as_of=NOW + 2)
    assert last_query(catching_up) == {"since": "c0", "wait": "2"}


def test_it_polls_every_third_of_catch_up_at_least(issuer: FakeIssuer) -> None:
    follower = Follower(issuer, catch_up=1.5)
    follower.ask(as_of=NOW)
    pauses = [follower.ask(as_of=NOW + number) for number in range(1, 9)]
    assert max(pauses) == 0.5


@pytest.mark.parametrize("which", ["wall", "ticks"])
def test_after_a_freeze_it_asks_at_once_and_waits_for_no_news(
    catching_up: Follower, which: str
) -> None:
    if which == "wall":
        catching_up.wall += CATCH_UP + 1
    else:
        catching_up.ticks.advance(CATCH_UP + 1)
    assert catching_up.contact.is_due()
    assert not catching_up.is_catching_up()
    catching_up.ask(as_of=NOW + 10)
    assert last_query(catching_up) == {"since": "c0"}
    assert not catching_up.contact.is_due()


def test_a_poll_that_was_answered_in_time_is_no_catching_up(catching_up: Follower) -> None:
    """It says nothing of the sleep that came after it, however short that was."""
    catching_up._waits_from = float("inf")  # a proxy cuts what waits, so it polls
    catching_up.ask(as_of=NOW + 1)
    catching_up.wall += CATCH_UP / 2
    assert not catching_up.is_catching_up()


def test_a_request_that_waited_through_a_freeze_leaves_it_old(catching_up: Follower) -> None:
    catching_up.ask(takes=3600, as_of=NOW + 1)
    assert catching_up.contact.is_due()


def test_what_fails_after_a_freeze_leaves_it_old(catching_up: Follower) -> None:
    catching_up.ticks.advance(CATCH_UP + 1)
    catching_up.fail()
    assert catching_up.contact.is_due()
