"""The one set that refuses: what it refuses, forgets and costs."""

import json
import secrets
import threading
import tracemalloc
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authapi.verifier import Claims, RevocationSet
from authapi.verifier.lifetimes import WINDOW_SECONDS

CLAIMS = Claims("sub", "sid", frozenset(), 1, 0, "kid", {})


def test_a_revoked_session_is_refused_and_no_other() -> None:
    revoked = RevocationSet()
    revoked.learn({"sid": 100})
    assert revoked.refuses(CLAIMS)
    for other in ("si", "sid ", "id", "SID", "sid1", "", 'sid":100', '\n"sid', "100"):
        assert not revoked.refuses(replace(CLAIMS, sid=other))


def test_what_was_learned_before_a_mistake_refuses_what_passed() -> None:
    """The kind: a memo that outlives what it is about."""
    revoked = RevocationSet()
    assert not revoked.refuses(CLAIMS)
    with pytest.raises(OverflowError):
        revoked.learn({"sid": 100, "other": float("inf")})
    assert revoked.refuses(CLAIMS)


def test_whatever_a_compromised_key_signed_is_refused() -> None:
    revoked = RevocationSet()
    revoked.learn(keys={"kid"})
    assert revoked.refuses(CLAIMS)
    assert not revoked.refuses(replace(CLAIMS, key_id="other"))
    assert revoked.refused_keys() == {"kid"}


def test_tokens_from_before_a_reissue_are_refused_and_of_that_session_alone() -> None:
    revoked = RevocationSet()
    revoked.learn(reissued={"sid": 10})
    assert revoked.refuses(replace(CLAIMS, issued_at=9))
    assert not revoked.refuses(replace(CLAIMS, issued_at=10))
    assert not revoked.refuses(replace(CLAIMS, sid="other", issued_at=9))


def test_of_two_reissues_of_one_session_the_later_counts() -> None:
    revoked = RevocationSet()
    for moment in (10, 30, 20):
        revoked.learn(reissued={"sid": moment})
    assert revoked.reissued() == {"sid": 30}


def test_it_says_whether_anything_was_new() -> None:
    revoked = RevocationSet()
    for _ in range(2):
        is_first = len(revoked) == 0
        assert revoked.learn({"sid": 100}) is is_first
        assert revoked.learn(reissued={"sid": 10}) is is_first
        assert revoked.learn(keys={"kid"}) is is_first
    assert not revoked.learn()


def test_what_passed_once_is_looked_up_again_after_news() -> None:
    revoked, elsewhere = RevocationSet(), RevocationSet()
    for news in ({"other": 100}, {"sid": 100}):
        assert not revoked.refuses(CLAIMS)
        assert not revoked.refuses(CLAIMS)
        revoked.learn(news)
    assert revoked.refuses(CLAIMS)
    assert not elsewhere.refuses(CLAIMS)
    assert revoked.refuses(CLAIMS)


def test_pruning_forgets_a_reissue_when_no_token_from_before_it_can_be_in_force() -> None:
    revoked = RevocationSet()
    revoked.learn(reissued={"sid": 10})
    revoked.prune(now=10 + WINDOW_SECONDS - 1)
    assert revoked.reissued() == {"sid": 10}
    revoked.prune(now=10 + WINDOW_SECONDS)
    assert revoked.reissued() == {}


def test_pruning_forgets_what_has_run_out_and_no_key() -> None:
    revoked = RevocationSet()
    revoked.learn({"early": 100, "late": 200.5})
    revoked.learn(keys={"kid"})
    revoked.prune(now=100)
    assert revoked.sessions() == {"late": 201}
    revoked.prune(now=200.5)
    assert len(revoked) == 1
    revoked.prune(now=201)
    assert (len(revoked), revoked.sessions()) == (0, {})
    assert revoked.refused_keys() == {"kid"}


def test_the_later_until_counts() -> None:
    revoked = RevocationSet()
    for until in (100, 300, 200):
        revoked.learn({"sid": until})
    assert (len(revoked), revoked.sessions()) == (1, {"sid": 300})


def test_an_until_whose_digits_begin_a_longer_one_is_told_apart() -> None:
    revoked = RevocationSet()
    revoked.learn({"sid": 1000})
    revoked.learn({"sid": 100})
    assert revoked.sessions() == {"sid": 1000}
    revoked.learn({"sid": 10000})
    assert revoked.sessions() == {"sid": 10000}


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.text(), st.integers(0, 2**40)), max_size=30), st.integers(0, 2**40))
def test_it_behaves_like_a_dictionary(entries: list[tuple[str, int]], now: int) -> None:
    expected: dict[str, int] = {}
    revoked = RevocationSet()
    for sid, until in entries:
        revoked.learn({sid: until})
        expected[sid] = max(until, expected.get(sid, 0))
    assert revoked.sessions() == expected
    assert len(revoked) == len(expected)
    assert all(sid in revoked for sid in expected)
    revoked.prune(now)
    assert revoked.sessions() == {sid: until for sid, until in expected.items() if until > now}
    assert len(revoked) == len(revoked.sessions())


@settings(deadline=None, derandomize=True)
@given(st.dictionaries(st.text(), st.integers(0, 2**40), max_size=30), st.randoms())
def test_a_page_is_the_same_json_wherever_the_same_is_held(
    entries: dict[str, int], chance: Random
) -> None:
    one, other = RevocationSet(), RevocationSet()
    one.learn(entries)
    for sid, until in chance.sample(sorted(entries.items()), len(entries)):
        other.learn({sid: until})
    assert list(one.members()) == list(other.members())
    assert json.loads(b"{" + b",".join(one.members()) + b"}") == entries
    later = {sid: until for sid, until in entries.items() if until > 1000}
    assert json.loads(b"{" + b",".join(one.members(after=1000)) + b"}") == later


def test_a_hundred_thousand_sessions_take_at_most_100_bytes_each() -> None:
    sessions = {secrets.token_urlsafe(16): 1_800_000_000.5 for _ in range(100_000)}
    tracemalloc.start()
    revoked = RevocationSet()
    revoked.learn(sessions)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(revoked) == 100_000
    assert size / 100_000 <= 100


def test_readers_miss_nothing_while_others_write() -> None:
    revoked = RevocationSet()
    revoked.learn({f"kept-{number}": 1000 for number in range(2000)})
    missed: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            missed.extend(f"kept-{n}" for n in range(0, 2000, 7) if f"kept-{n}" not in revoked)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(20):
        revoked.learn({f"new-{turn}-{number}": turn + 1 for number in range(500)})
        revoked.prune(now=turn)
    done.set()
    reader.join()
    assert missed == []
    assert len(revoked) == len(revoked.sessions())
