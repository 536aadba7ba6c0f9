"""Making, loading and replacing keys: by age, by an operator, by another algorithm."""

import pytest

from authapi.db.database import Database
from authapi.errors import OperatorError
from authapi.services.keys.ring import KEPT_SECONDS, State, states
from authapi.services.keys.rotation import list_keys, mark_compromised, rotate_key
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.process import DAY, StartProcess

pytestmark = sqlite_only  # two connections at once: tests/faults/test_key_races.py


def states_of(db: Database) -> list[State]:
    """The newest first."""
    keys, now = list_keys(db)
    found = states(keys, now)
    return [found[key.kid] for key in keys]


def test_the_first_key_signs_at_once(start_process: StartProcess, clock: TestClock) -> None:
    process = start_process()
    [key], _ = list_keys(process.db)
    assert (key.signs_from, key.algorithm) == (clock(), "ES256")
    assert process.accepts(process.mint())
    assert process.signs_with() == key.kid


def test_another_start_finds_the_key(start_process: StartProcess) -> None:
    first, second = start_process(), start_process()
    assert second.accepts(first.mint())
    assert first.publishes() == second.publishes()


# By age


def test_a_key_is_replaced_at_its_age_by_one_that_was_published_before(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process(key_rotation_days=1, key_publish_delay=600)
    clock.advance(DAY - 600 - 60)  # it looks every 60 seconds
    process.poll()
    assert states_of(process.db) == [State.ACTIVE]
    clock.advance(60)
    process.poll()
    assert states_of(process.db) == [State.NEXT, State.ACTIVE]
    clock.advance(600)
    assert states_of(process.db) == [State.ACTIVE, State.RETIRED]


def test_the_age_counts_from_the_first_signature(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process(key_rotation_days=1, key_publish_delay=600)
    for _ in range(3 * 24):
        clock.advance(3600)
        process.poll()
    assert len(list_keys(process.db)[0]) == 4


def test_zero_days_never_rotate(start_process: StartProcess, clock: TestClock) -> None:
    process = start_process(key_rotation_days=0)
    clock.advance(10_000 * DAY)
    process.poll()
    assert states_of(process.db) == [State.ACTIVE]


def test_a_delay_longer_than_the_age_does_not_pile_up_keys(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process(key_rotation_days=1, key_publish_delay=7 * DAY)
    for _ in range(20):
        clock.advance(DAY)
        process.poll()
    assert states_of(process.db).count(State.NEXT) == 1
    assert len(list_keys(process.db)[0]) == 4


def test_of_two_processes_one_adds_the_key(start_process: StartProcess, clock: TestClock) -> None:
    first, second = start_process(key_rotation_days=1), start_process(key_rotation_days=1)
    clock.advance(DAY)
    first.poll()
    second.poll()
    assert states_of(first.db) == [State.NEXT, State.ACTIVE]


# By an operator


def test_a_rotation_publishes_first_and_signs_later(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process()
    old = process.signs_with()
    new = rotate_key(process.db, process.settings, at_once=False)
    process.poll()
    assert process.publishes() == {old, new.kid}
    clock.advance(599)
    assert process.signs_with() == old
    clock.advance(1)
    assert process.signs_with() == new.kid


def test_a_second_rotation_while_one_waits_is_refused(start_process: StartProcess) -> None:
    process = start_process()
    waiting = rotate_key(process.db, process.settings, at_once=False)
    with pytest.raises(OperatorError, match=waiting.kid):
        rotate_key(process.db, process.settings, at_once=False)
    assert states_of(process.db) == [State.NEXT, State.ACTIVE]


def test_now_signs_without_a_delay(start_process: StartProcess) -> None:
    process = start_process()
    new = rotate_key(process.db, process.settings, at_once=True)
    process.poll()
    assert process.signs_with() == new.kid


def test_now_brings_the_waiting_key_forward(start_process: StartProcess) -> None:
    process = start_process()
    waiting = rotate_key(process.db, process.settings, at_once=False)
    assert rotate_key(process.db, process.settings, at_once=True).kid == waiting.kid
    process.poll()
    assert process.signs_with() == waiting.kid
    assert states_of(process.db) == [State.ACTIVE, State.RETIRED]


def test_now_leaves_no_older_key_waiting_to_take_over(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process()
    rotate_key(process.db, process.settings, at_once=False)
    process = start_process(signing_algorithm="EdDSA")  # a second one waits
    newest = rotate_key(process.db, process.settings, at_once=True)
    clock.advance(601)
    process.poll()
    assert (newest.algorithm, process.signs_with()) == ("EdDSA", newest.kid)


def test_tokens_of_the_old_key_verify_until_they_run_out(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process(access_token_ttl=3600)
    rotate_key(process.db, process.settings, at_once=False)
    clock.advance(599)
    last = process.mint()
    clock.advance(3599)
    process.poll()
    assert process.accepts(last)
    assert states_of(process.db) == [State.ACTIVE, State.RETIRED]


def test_a_key_is_gone_once_nothing_of_it_can_be_in_force(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process()
    old = process.signs_with()
    rotate_key(process.db, process.settings, at_once=True)
    process.poll()
    clock.advance(KEPT_SECONDS)
    process.poll()
    assert old not in process.publishes()
    assert states_of(process.db) == [State.ACTIVE, State.GONE]


# Compromised


def test_a_compromised_active_key_is_replaced_at_once(start_process: StartProcess) -> None:
    process = start_process()
    stolen, token = process.signs_with(), process.mint()
    replacement = mark_compromised(process.db, process.settings, stolen)
    process.poll()
    assert replacement
    assert process.signs_with() == replacement.kid
    assert process.publishes() == {replacement.kid}
    assert not process.accepts(token)


def test_a_compromised_next_key_is_replaced_by_one_that_waits_as_long(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process()
    active = process.signs_with()
    waiting = rotate_key(process.db, process.settings, at_once=False)
    clock.advance(599)
    replacement = mark_compromised(process.db, process.settings, waiting.kid)
    process.poll()
    assert replacement
    assert replacement.signs_from == clock() + 600
    assert process.publishes() == {active, replacement.kid}


def test_tokens_verify_although_the_key_that_was_to_follow_was_compromised(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process(access_token_ttl=3600)
    waiting = rotate_key(process.db, process.settings, at_once=False)
    clock.advance(599)
    mark_compromised(process.db, process.settings, waiting.kid)
    clock.advance(599)
    process.poll()
    last = process.mint()
    clock.advance(3599)
    process.poll()
    assert process.accepts(last)


def test_a_compromised_retired_key_needs_no_replacement(start_process: StartProcess) -> None:
    process = start_process()
    token, retired = process.mint(), process.signs_with()
    rotate_key(process.db, process.settings, at_once=True)
    process.poll()
    assert process.accepts(token)
    assert mark_compromised(process.db, process.settings, retired) is None
    process.poll()
    assert not process.accepts(token)
    assert states_of(process.db) == [State.ACTIVE, State.COMPROMISED]


def test_a_key_that_is_gone_can_still_be_called_compromised(
    start_process: StartProcess, clock: TestClock
) -> None:
    process = start_process()
    gone = process.signs_with()
    rotate_key(process.db, process.settings, at_once=True)
    clock.advance(KEPT_SECONDS)
    assert mark_compromised(process.db, process.settings, gone) is None
    assert states_of(process.db) == [State.ACTIVE, State.COMPROMISED]


def test_calling_a_key_compromised_twice_changes_nothing(start_process: StartProcess) -> None:
    process = start_process()
    stolen = process.signs_with()
    mark_compromised(process.db, process.settings, stolen)
    before = list_keys(process.db)[0]
    assert mark_compromised(process.db, process.settings, stolen) is None
    assert list_keys(process.db)[0] == before


def test_a_key_that_is_not_there_cannot_be_compromised(start_process: StartProcess) -> None:
    process = start_process()
    before = list_keys(process.db)[0]
    with pytest.raises(OperatorError, match="no key"):
        mark_compromised(process.db, process.settings, "nobody")
    assert list_keys(process.db)[0] == before


# SIGNING_ALGORITHM


def test_a_next_key_of_another_algorithm_is_followed_by_one_of_ours(
    start_process: StartProcess, clock: TestClock
) -> None:
    """Although the key that was made last, which replaced a compromised one, has ours."""
    process = start_process()
    rotate_key(process.db, process.settings, at_once=False)
    other = start_process(signing_algorithm="EdDSA", prepared=False).settings
    mark_compromised(process.db, other, process.signs_with())
    process = start_process(signing_algorithm="EdDSA")
    clock.advance(600)
    process.poll()
    assert process.keys.ring.signing_key(clock()).algorithm == "EdDSA"


@pytest.mark.parametrize(
    ("old", "new"),
    [("ES256", "EdDSA"), ("EdDSA", "RS256"), ("RS256", "HS256"), ("HS256", "ES256")],
)
def test_a_change_of_the_algorithm_is_a_rotation(
    start_process: StartProcess, clock: TestClock, old: str, new: str
) -> None:
    before = start_process(signing_algorithm=old)
    process = start_process(signing_algorithm=new)
    keys, _ = list_keys(process.db)
    assert [key.algorithm for key in keys] == [new, old]
    assert states_of(process.db) == [State.NEXT, State.ACTIVE]
    clock.advance(599)
    last = before.mint()
    clock.advance(1)
    process.poll()
    assert process.keys.ring.signing_key(clock()).algorithm == new
    assert process.accepts(last)
    assert process.accepts(process.mint())
    clock.advance(899)
    assert not process.accepts(last)
