"""What a process refuses, and what it tells others: RevocationFeed, without a database."""

import secrets
import tracemalloc
from collections.abc import Mapping

import pytest

from authapi.db.revocations import Changes
from authapi.services.revocation.feed import RevocationFeed
from authapi.verifier import Claims, VerifierNotReadyError
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS, WINDOW_SECONDS
from tests.support.clock import START, TestClock
from tests.support.settings import NEVER_OPENED, settings_for

HOUR = 3600


def new_feed(clock: TestClock, *, ahead: float = 0, **overrides: object) -> RevocationFeed:
    return RevocationFeed(settings_for(NEVER_OPENED, **overrides), lambda: clock() + ahead)


def poll(
    feed: RevocationFeed, clock: TestClock, ahead: float = 0, **changes: Mapping[str, float]
) -> None:
    """As if the database had answered with `changes`; `ahead` is how far the app's clock is."""
    found = {kind: dict(moments) for kind, moments in changes.items()}
    feed.learn(Changes(as_of=clock(), **found), asked_at=clock() + ahead)


@pytest.fixture
def feed(clock: TestClock) -> RevocationFeed:
    """One that has polled an empty database."""
    feed = new_feed(clock)
    poll(feed, clock)
    clock.advance(1)
    return feed


def claims(sid: str = "sid", *, issued_at: float = START, kid: str = "kid") -> Claims:
    return Claims(
        sub="sub",
        sid=sid,
        scopes=frozenset(),
        issued_at=int(issued_at),
        expires_at=int(issued_at) + 900,
        key_id=kid,
        raw={},
    )


def is_refused(feed: RevocationFeed, sid: str = "sid") -> bool:
    return feed.refuses(claims(sid))


def test_a_reader_between_the_steps_of_a_poll_misses_nothing(
    feed: RevocationFeed, clock: TestClock
) -> None:
    """A process that was cut off brings entries from before any cursor: the kind is a cursor that
    is newer than what its page holds."""
    clock.advance(300)
    late, cursors, note_poll = clock() - 200, [], feed.pages.note_poll

    def read_between(untold: Mapping[str, float], *, as_of: float) -> None:
        cursors.append(feed.page(None).as_of)
        note_poll(untold, as_of=as_of)
        cursors.append(feed.page(None).as_of)

    feed.pages.note_poll = read_between  # type: ignore[method-assign]
    poll(feed, clock, revoked={"late": late})
    assert len(cursors) == 2
    for cursor in cursors:
        assert "late" in feed.page(cursor).sessions


# Refusing


def test_before_the_first_poll_nobody_is_told_anything(clock: TestClock) -> None:
    feed = new_feed(clock)
    with pytest.raises(VerifierNotReadyError):
        feed.refuses(claims())
    with pytest.raises(VerifierNotReadyError):
        feed.page(None)


def test_a_session_that_a_poll_brought_is_refused(feed: RevocationFeed, clock: TestClock) -> None:
    poll(feed, clock, revoked={"sid": clock()})
    assert is_refused(feed)
    assert not is_refused(feed, "another")


def test_a_session_that_this_process_revoked_is_refused_without_a_poll(
    feed: RevocationFeed,
) -> None:
    feed.add(["sid"])
    assert is_refused(feed)


def test_who_revoked_nothing_causes_no_poll(feed: RevocationFeed) -> None:
    feed.add([])
    assert not feed.poll_soon.is_set()
    feed.add(["sid"])
    assert feed.poll_soon.is_set()


def test_tokens_from_before_a_change_are_refused_and_later_ones_not(
    feed: RevocationFeed, clock: TestClock
) -> None:
    poll(feed, clock, reissued={"sid": START + 0.5})
    assert feed.refuses(claims(issued_at=START))
    assert not feed.refuses(claims(issued_at=START + 1))


def test_what_a_compromised_key_signed_is_refused(feed: RevocationFeed, clock: TestClock) -> None:
    poll(feed, clock, compromised={"kid": clock()})
    assert feed.refuses(claims())
    assert not feed.refuses(claims(kid="another"))


# Forgetting


def test_an_entry_is_kept_for_the_longest_life_of_a_token_and_no_longer(
    feed: RevocationFeed, clock: TestClock
) -> None:
    poll(feed, clock, revoked={"sid": clock()}, reissued={"other": clock()})
    clock.advance(WINDOW_SECONDS - 1)
    poll(feed, clock)
    feed.forget_old()
    assert is_refused(feed)
    clock.advance(2)
    poll(feed, clock)
    feed.forget_old()
    assert not is_refused(feed)
    assert feed.page(None).reissued == {}


def test_a_lower_token_lifetime_forgets_nothing(clock: TestClock) -> None:
    feed = new_feed(clock, access_token_ttl=1)
    poll(feed, clock, revoked={"sid": clock()})
    clock.advance(HOUR)
    poll(feed, clock)
    feed.forget_old()
    assert is_refused(feed)


def test_nothing_is_forgotten_while_this_process_still_thinks_it_is_in_force(
    clock: TestClock,
) -> None:
    feed = new_feed(clock, ahead=-2 * HOUR)
    poll(feed, clock, ahead=-2 * HOUR, revoked={"sid": clock()})
    clock.advance(2 * HOUR)
    poll(feed, clock, ahead=-2 * HOUR)
    feed.forget_old()
    assert is_refused(feed)


def test_a_database_clock_that_leapt_ahead_for_a_while_forgets_nothing(clock: TestClock) -> None:
    feed = new_feed(clock)
    poll(feed, clock, revoked={"sid": clock()})
    feed.learn(Changes(as_of=clock() + 2 * HOUR), asked_at=clock())
    feed.forget_old()
    assert is_refused(feed)


@pytest.mark.parametrize("ahead", [-5 * HOUR, 5 * HOUR])
def test_a_wrong_clock_before_the_first_poll_forgets_nothing(
    clock: TestClock, ahead: float
) -> None:
    feed = new_feed(clock, ahead=ahead)
    feed.add(["sid"])
    poll(feed, clock, ahead=ahead, revoked={"sid": clock()})
    clock.advance(WINDOW_SECONDS - 1)
    poll(feed, clock, ahead=ahead)
    feed.forget_old()
    assert is_refused(feed)


def test_memory_is_at_most_100_bytes_a_session_even_if_all_were_revoked_just_now(
    feed: RevocationFeed, clock: TestClock
) -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    poll(feed, clock, revoked={secrets.token_urlsafe(16): clock() for _ in range(50_000)})
    poll(feed, clock)
    size = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(feed) == 50_000
    assert size / 50_000 <= 100


# Staleness


def test_staleness_counts_from_when_the_last_poll_was_begun(
    feed: RevocationFeed, clock: TestClock
) -> None:
    asked_at = clock()
    clock.advance(2)
    feed.learn(Changes(as_of=clock()), asked_at=asked_at)
    assert feed.staleness() == 2


def test_a_stale_process_goes_on_by_default(feed: RevocationFeed, clock: TestClock) -> None:
    clock.advance(HOUR)
    assert feed.is_stale()
    assert not is_refused(feed)


def test_a_stale_process_that_fails_closed_refuses_until_it_is_back(clock: TestClock) -> None:
    feed = new_feed(clock, revocation_fail_closed=True, revocation_max_staleness=60)
    poll(feed, clock)
    clock.advance(60)
    assert not is_refused(feed)
    clock.advance(1)
    with pytest.raises(VerifierNotReadyError):
        feed.refuses(claims())
    poll(feed, clock)
    assert not is_refused(feed)


def test_skew_is_this_clock_less_the_databases(clock: TestClock) -> None:
    feed = new_feed(clock, ahead=40)
    poll(feed, clock, ahead=40)
    assert feed.skew == 40


# News


def heard(feed: RevocationFeed, clock: TestClock, **changes: Mapping[str, float]) -> bool:
    """Whether a reader whose cursor is the last poll hears of the next one."""
    cursor = feed.as_of or 0.0
    clock.advance(1)
    poll(feed, clock, 0, **changes)
    return feed.pages.news_at > cursor


@pytest.mark.parametrize("kind", ["revoked", "reissued", "compromised"])
def test_whoever_waits_hears_of_each_kind_of_change(
    feed: RevocationFeed, clock: TestClock, kind: str
) -> None:
    assert heard(feed, clock, **{kind: {"name": clock()}})


def test_whoever_waits_hears_of_what_this_process_revoked(
    feed: RevocationFeed, clock: TestClock
) -> None:
    feed.add(["sid"])
    assert heard(feed, clock, revoked={"sid": clock()})


def test_what_is_read_again_is_no_news(feed: RevocationFeed, clock: TestClock) -> None:
    changes = {"revoked": {"sid": clock()}, "reissued": {"a": clock()}, "compromised": {"k": 1.0}}
    assert heard(feed, clock, **changes)
    assert heard(feed, clock, **changes)  # the next poll, for cursors of other processes
    assert not heard(feed, clock, **changes)
    assert not heard(feed, clock)


# Pages


def test_without_a_cursor_a_page_is_the_whole_window(
    feed: RevocationFeed, clock: TestClock
) -> None:
    poll(feed, clock, revoked={"old": clock() - HOUR, "new": clock()}, compromised={"k": 1.0})
    page = feed.page(None)
    assert page.sessions == {"old": int(START + 1.5 + 90), "new": int(START + 1.5 + WINDOW_SECONDS)}
    assert page.keys == ["k"]


def test_a_page_since_a_cursor_goes_back_as_far_as_a_commit_can_be_late(
    feed: RevocationFeed, clock: TestClock
) -> None:
    poll(feed, clock, revoked={"first": clock()})
    clock.advance(LOOK_BACK_SECONDS)
    poll(feed, clock, revoked={"second": clock()})
    clock.advance(1)
    poll(feed, clock)
    assert set(feed.page(clock()).sessions) == {"second"}
    assert set(feed.page(clock() - 2).sessions) == {"first", "second"}


def test_an_old_cursor_is_given_the_whole_window(feed: RevocationFeed, clock: TestClock) -> None:
    poll(feed, clock, revoked={"sid": clock()})
    clock.advance(HOUR)
    poll(feed, clock)
    assert set(feed.page(clock() - LOOK_BACK_SECONDS - 1).sessions) == {"sid"}
    assert set(feed.page(-1e300).sessions) == {"sid"}


def test_a_process_that_has_just_started_tells_what_it_loaded(clock: TestClock) -> None:
    cursor = clock()
    clock.advance(2)
    feed = new_feed(clock)
    poll(feed, clock, revoked={"sid": clock() - 1})
    assert set(feed.page(cursor).sessions) == {"sid"}


def test_what_was_learned_late_is_told_to_a_cursor_from_before(
    feed: RevocationFeed, clock: TestClock
) -> None:
    cursor, moment = clock() + 990, clock() + 100
    clock.advance(1000)  # the database was out of reach for this process
    poll(feed, clock, revoked={"sid": moment})
    assert set(feed.page(cursor).sessions) == {"sid"}


@pytest.mark.parametrize("turned_back", [30, 2 * HOUR])
def test_a_cursor_of_before_the_databases_clock_was_turned_back_loses_nothing(
    feed: RevocationFeed, clock: TestClock, turned_back: float
) -> None:
    cursor = clock()
    clock.advance(5 - turned_back)
    poll(feed, clock, revoked={"sid": clock()})
    assert set(feed.page(cursor).sessions) == {"sid"}
    assert feed.page(cursor).as_of == clock()
