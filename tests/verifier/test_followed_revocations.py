"""What a verifier holds of the feed: united, never replaced, and how stale it is."""

import itertools
import json
import tracemalloc

import pytest

from authapi.verifier import VerifierNotReadyError
from authapi.verifier.claims import Claims
from authapi.verifier.following.contact import Contact
from authapi.verifier.following.fetching import Fetched, FetchError
from authapi.verifier.following.revocations import (
    FeedPage,
    FollowedRevocations,
    read_page,
)
from authapi.verifier.lifetimes import WINDOW_SECONDS
from tests.support.clock import TestClock
from tests.verifier.fixtures import NOW

UNTIL = NOW + 3690


class Followed(FollowedRevocations):
    def __init__(
        self, *, fail_closed: bool = False, wall: float = NOW, catch_up: float | None = None
    ) -> None:
        self.ticks = TestClock()
        self.wall = wall
        contact = Contact(catch_up, clock=lambda: self.wall, monotonic=self.ticks)
        super().__init__(contact, max_staleness=30, fail_closed=fail_closed)

    def hear(
        self,
        as_of: float = NOW,
        sessions: dict[str, float] | None = None,
        reissued: dict[str, float] | None = None,
        keys: frozenset[str] = frozenset(),
    ) -> bool:
        return self.learn(FeedPage(as_of, str(as_of), sessions or {}, reissued or {}, keys))


def claims(sid: str = "a", *, issued_at: int = NOW, key_id: str = "the-key") -> Claims:
    return Claims("user", sid, frozenset(), NOW + 900, issued_at, key_id, {})


def test_before_the_first_page_nothing_can_be_said() -> None:
    with pytest.raises(VerifierNotReadyError):
        Followed().refuses(claims())


def test_a_revoked_session_is_refused() -> None:
    followed = Followed()
    followed.hear(sessions={"a": UNTIL})
    assert followed.refuses(claims("a"))
    assert not followed.refuses(claims("b"))


def test_a_compromised_key_is_refused() -> None:
    followed = Followed()
    followed.hear(keys=frozenset({"the-key"}))
    assert followed.refuses(claims())
    assert not followed.refuses(claims(key_id="another"))


def test_tokens_from_before_a_change_of_scopes_are_refused() -> None:
    followed = Followed()
    followed.hear(reissued={"a": NOW})
    assert followed.refuses(claims(issued_at=NOW - 1))
    assert not followed.refuses(claims(issued_at=NOW))
    assert not followed.refuses(claims("b", issued_at=NOW - 1))


def page_number(number: int) -> FeedPage:
    sessions = ({"a": UNTIL}, {"b": UNTIL}, {})[number]
    reissued = ({}, {"c": NOW - 10}, {"c": NOW})[number]
    return FeedPage(NOW + number, str(number), sessions, reissued, frozenset())


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_order_of_pages_makes_no_difference(order: tuple[int, ...]) -> None:
    followed = Followed()
    for number in order:
        followed.learn(page_number(number))
    assert followed.refuses(claims("a"))
    assert followed.refuses(claims("b"))
    assert followed.refuses(claims("c", issued_at=NOW - 1))
    assert len(followed) == 2


def test_a_page_that_comes_twice_brings_nothing_new() -> None:
    followed = Followed()
    assert followed.learn(page_number(1))
    assert not followed.learn(page_number(1))


def test_an_empty_page_takes_nothing_away() -> None:
    followed = Followed()
    followed.hear(sessions={"a": UNTIL}, reissued={"b": NOW}, keys=frozenset({"k"}))
    followed.hear(NOW + 1)
    assert followed.refuses(claims("a"))
    assert followed.refuses(claims("b", issued_at=NOW - 1))
    assert followed.refuses(claims(key_id="k"))


def test_what_has_run_out_is_forgotten() -> None:
    followed = Followed(wall=NOW)
    followed.hear(
        sessions={"a": NOW + 10, "b": NOW + 20}, reissued={"c": NOW - WINDOW_SECONDS + 10}
    )
    followed.hear(NOW + 11)
    followed.wall = NOW + 11
    followed.forget_old()
    assert len(followed) == 1
    assert not followed.refuses(claims("c", issued_at=0))


@pytest.mark.parametrize(("as_of", "wall"), [(NOW + 50, NOW - 10), (NOW - 10, NOW + 50)])
def test_nothing_is_forgotten_while_one_of_two_clocks_says_it_may_count(
    as_of: float, wall: float
) -> None:
    followed = Followed(wall=wall)
    followed.hear(as_of, sessions={"a": NOW})
    followed.forget_old()
    assert followed.refuses(claims("a"))


def test_nothing_heard_is_staleness_without_a_number() -> None:
    assert Followed().staleness() is None
    assert Followed().is_stale()


def test_staleness_grows_with_time() -> None:
    followed = Followed()
    followed.hear()
    followed.ticks.advance(30)
    assert followed.staleness() == 30
    assert not followed.is_stale()
    followed.ticks.advance(0.1)
    assert followed.is_stale()


def test_an_issuer_whose_time_stands_still_gets_stale_although_it_answers() -> None:
    followed = Followed()
    for _ in range(32):
        followed.hear(NOW)
        followed.ticks.advance(1)
    assert followed.is_stale()


def test_two_issuers_that_both_stand_still_do_not_look_like_one_that_goes_on() -> None:
    followed = Followed()
    for number in range(32):
        followed.hear(NOW + number % 2)
        followed.ticks.advance(1)
    assert followed.is_stale()


def test_an_answer_that_was_waited_for_can_be_old() -> None:
    followed = Followed()
    followed.hear(NOW)
    followed.ticks.advance(35)
    followed.hear(NOW + 1)  # its database was lost a second after the last page
    assert followed.staleness() == 34
    assert followed.is_stale()


def test_an_issuer_that_catches_up_is_fresh() -> None:
    followed = Followed()
    followed.hear(NOW)
    followed.ticks.advance(35)
    followed.hear(NOW + 1)
    followed.ticks.advance(1)
    followed.hear(NOW + 36)
    assert followed.staleness() == 0


def test_two_clocks_that_drift_do_not_add_up_to_staleness() -> None:
    followed = Followed()
    as_of = float(NOW)
    for _ in range(10_000):  # two days of pages, 20 s apart, a clock that loses 9 s a day
        followed.ticks.advance(20.002)
        as_of += 20
        followed.hear(as_of)
    assert (followed.staleness() or 0) < 0.01


@pytest.mark.parametrize("ahead", [-60, -50, 0, 50, 60])
def test_staleness_does_not_depend_on_the_wall_clock(ahead: float) -> None:
    followed = Followed(wall=NOW + ahead)
    followed.hear(NOW)
    assert followed.staleness() == 0
    followed.wall += 3600  # somebody set the clock
    assert followed.staleness() == 0


def test_a_first_page_that_is_minutes_old_is_stale_from_the_start() -> None:
    followed = Followed(wall=NOW + 600)
    followed.hear(NOW)
    assert followed.staleness() == 540


def test_a_stale_feed_still_refuses_and_accepts_by_default() -> None:
    followed = Followed()
    followed.hear(sessions={"a": UNTIL})
    followed.ticks.advance(1000)
    assert followed.refuses(claims("a"))
    assert not followed.refuses(claims("b"))


def test_a_stale_feed_says_nothing_where_it_is_to_fail_closed() -> None:
    followed = Followed(fail_closed=True)
    followed.hear()
    assert not followed.refuses(claims())
    followed.ticks.advance(31)
    with pytest.raises(VerifierNotReadyError, match="stale"):
        followed.refuses(claims())


PAGE = {"as_of": NOW + 0.5, "cursor": "c", "sessions": {"a": UNTIL}, "reissued": {}, "keys": ["k"]}


def fetched(body: bytes) -> Fetched:
    return Fetched("https://auth.example/revocations", body, False, None, None)


def page_of(**changes: object) -> FeedPage:
    return read_page(fetched(json.dumps(PAGE | changes).encode()), now=NOW)


def test_a_page_is_read() -> None:
    assert page_of() == FeedPage(NOW + 0.5, "c", {"a": UNTIL}, {}, frozenset({"k"}))


def test_a_page_of_an_older_issuer_has_no_reissued() -> None:
    body = b'{"as_of": 1800000000, "cursor": "c", "sessions": {}}'
    assert read_page(fetched(body), now=NOW).reissued == {}


def test_an_entry_that_would_stay_for_years_stays_for_a_day() -> None:
    assert page_of(sessions={"a": 1e300}).sessions == {"a": NOW + 0.5 + 86400}


NO_TIMES: tuple[object, ...] = (None, "1", True, -1, [], {})
NO_OBJECTS: tuple[object, ...] = (None, [], "a", 1, {"": 1}, {"a" * 257: 1})
NO_KEYS: tuple[object, ...] = (None, "k", {"k": 1}, [1], [None], [""], ["k" * 257])
NO_CURSORS: tuple[object, ...] = (None, 1, [], "c" * 1025)
NO_PAGES: list[tuple[str, object]] = [
    *(("as_of", value) for value in (*NO_TIMES, NOW + 7200)),
    *(("cursor", value) for value in NO_CURSORS),
    *(("sessions", {"a": value}) for value in NO_TIMES),
    *(("reissued", {"a": value}) for value in NO_TIMES),
    *(("sessions", value) for value in NO_OBJECTS),
    *(("keys", value) for value in NO_KEYS),
]


@pytest.mark.parametrize(("member", "value"), NO_PAGES, ids=lambda value: str(value)[:40])
def test_what_is_no_page_is_refused(member: str, value: object) -> None:
    with pytest.raises(FetchError, match=r"\.$"):
        page_of(**{member: value})


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"<html>", b'{"as_of": NaN}', b'{"as_of": 1e999}', b"\xff", b"[" * 99999],
)
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(FetchError):
        read_page(fetched(body), now=NOW)


def test_a_hundred_thousand_sessions_take_less_than_100_bytes_each() -> None:
    followed = Followed()
    tracemalloc.start()
    followed.hear(sessions={f"session-{number:014}": UNTIL for number in range(100_000)})
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held / 100_000 < 100
    assert len(followed) == 100_000
