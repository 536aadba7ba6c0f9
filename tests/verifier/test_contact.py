"""When a verification must wait for the issuer, by two clocks that may each be wrong."""

import pytest

from authapi.verifier.following.contact import Contact
from authapi.verifier.lifetimes import PATIENCE_SECONDS
from tests.support.clock import TestClock
from tests.verifier.fixtures import NOW

CATCH_UP = 5.0


class Case(Contact):
    """One that was in touch a moment ago."""

    def __init__(self, catch_up: float | None = CATCH_UP) -> None:
        self.wall = float(NOW)
        self.ticks = TestClock()
        super().__init__(catch_up, clock=lambda: self.wall, monotonic=self.ticks)
        self.note_answer(self.now())

    def pass_by(self, seconds: float) -> None:
        """A time in which the process runs."""
        for _ in range(round(seconds)):
            self.wall += 1
            self.ticks.advance(1)
            self.beat()

    def freeze(self, seconds: float, *, wall: float | None = None, ticks: bool = True) -> None:
        """A time in which it does not; `wall` is what the wall clock then shows to have passed."""
        self.wall += seconds if wall is None else wall
        if ticks:
            self.ticks.advance(seconds)


@pytest.fixture
def contact() -> Case:
    return Case()


def test_nobody_waits_while_the_issuer_answers(contact: Case) -> None:
    for _ in range(100):
        asked = contact.now()
        contact.pass_by(1)
        contact.note_answer(asked)
        assert not contact.is_due()


def test_after_a_freeze_a_verification_waits(contact: Case) -> None:
    contact.freeze(CATCH_UP)
    assert not contact.is_due()
    contact.freeze(0.1)
    assert contact.is_due()


def test_a_freeze_counts_although_the_monotonic_clock_stood_still(contact: Case) -> None:
    contact.freeze(3600, ticks=False)
    assert contact.is_due()


@pytest.mark.parametrize("wall", [0, 1, -3600])
def test_a_freeze_counts_although_the_wall_clock_was_set_back(contact: Case, wall: float) -> None:
    contact.freeze(3600, wall=wall)
    assert contact.is_due()


def test_an_answer_that_was_asked_for_before_the_freeze_is_old(contact: Case) -> None:
    asked = contact.now()
    contact.freeze(3600)
    contact.note_answer(asked)
    assert contact.is_due()
    contact.note_answer(contact.now())
    assert not contact.is_due()


def test_an_issuer_that_stays_silent_is_waited_for_once(contact: Case) -> None:
    contact.freeze(3600)
    assert contact.is_due()
    contact.ticks.advance(PATIENCE_SECONDS)
    assert not contact.is_due()
    for _ in range(100):
        contact.pass_by(1)
        contact.note_failure(contact.freezes)
        assert not contact.is_due()


def test_an_old_answer_does_not_begin_the_waiting_anew(contact: Case) -> None:
    asked = contact.now()
    contact.freeze(3600)
    assert contact.is_due()
    contact.ticks.advance(PATIENCE_SECONDS)
    contact.note_answer(asked)
    assert not contact.is_due()


def test_nobody_waits_for_an_issuer_that_went_down_while_the_process_ran(contact: Case) -> None:
    contact.pass_by(1)
    contact.note_failure(contact.freezes)
    for _ in range(60):
        contact.pass_by(1)
        assert not contact.is_due()


def test_an_outage_from_before_a_freeze_says_nothing_about_the_time_after_it(contact: Case) -> None:
    contact.note_failure(contact.freezes)
    contact.pass_by(60)
    assert not contact.is_due()
    contact.freeze(CATCH_UP + 1)
    assert contact.is_due()


def test_a_failure_of_a_request_from_before_the_freeze_says_nothing(contact: Case) -> None:
    before = contact.freezes
    contact.freeze(3600)
    contact.note_failure(before)
    contact.ticks.advance(PATIENCE_SECONDS)
    assert contact.is_due()


def test_a_freeze_while_somebody_waits_begins_the_waiting_anew(contact: Case) -> None:
    contact.freeze(3600)
    assert contact.is_due()
    contact.freeze(3600)
    assert contact.is_due()


def test_the_follower_asks_often_enough_that_nobody_waits(contact: Case) -> None:
    asked = contact.now()
    contact.ticks.advance(contact.interval)
    contact.note_answer(asked)  # it was held for as long as it may be
    contact.ticks.advance(contact.interval)
    assert not contact.is_due()


def test_an_end_and_none_switch_it_off(contact: Case) -> None:
    contact.end()
    for one in (contact, Case(None)):
        one.freeze(1e9)
        assert not one.is_due()
