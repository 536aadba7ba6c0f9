"""The kind: memory that a stranger fills, one made-up name after the other."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from authapi.errors import InvalidCredentials, RateLimited
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.limits.storage import MAX_COUNTERS, MemoryStorage
from tests.support.clock import TestClock
from tests.support.settings import NEVER_OPENED, settings_for

HOUR = 3600


def made_up_names(count: int) -> Iterator[str]:
    return (f"LIMITS/login/{number}/100/1/hour" for number in range(count))


def test_200_000_names_leave_a_bounded_number_of_counters() -> None:
    storage = MemoryStorage(TestClock())
    for name in made_up_names(200_000):
        storage.incr(name, HOUR, 1)
    assert len(storage) == MAX_COUNTERS


def test_the_oldest_counter_goes_out_and_one_in_use_stays() -> None:
    storage = MemoryStorage(TestClock())
    oldest, used, *others = made_up_names(MAX_COUNTERS + 1)
    for name in (oldest, used, *others[:-1], used, others[-1]):
        storage.incr(name, HOUR, 1)
    assert (storage.get(oldest), storage.get(used)) == (0, 2)


def test_names_push_out_no_counter_of_another_limit() -> None:
    storage = MemoryStorage(TestClock())
    others = ("LIMITS/login-address/192.0.2.1/60/1/minute", "LIMITS/refresh/a-sid/60/1/minute")
    for other in others:
        storage.incr(other, HOUR, 1)
    for name in made_up_names(MAX_COUNTERS + 100):
        storage.incr(name, HOUR, 1)
    assert [storage.get(other) for other in others] == [1, 1]


def test_a_count_that_is_given_back_leaves_nothing() -> None:
    storage = MemoryStorage(TestClock())
    for name in made_up_names(100):
        storage.incr(name, HOUR, 1)
        storage.incr(name, HOUR, -1)
    assert len(storage) == 0


def test_an_address_at_its_limit_leaves_no_name_behind() -> None:
    limits = RateLimits(settings_for(NEVER_OPENED, limit_login_address="3/hour"), TestClock())
    assert isinstance(limits._storage, MemoryStorage)
    sizes = []
    for number in range(50):
        with suppress(InvalidCredentials, RateLimited), limits.password_attempt("192.0.2.1") as at:
            at(None, f"name{number}")
            raise InvalidCredentials
        sizes.append(len(limits._storage))
    assert sizes[0] < sizes[2] == sizes[-1]


def test_made_up_names_push_out_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a stranger begins a row of 100 guesses anew, whenever it is used up."""
    monkeypatch.setattr("authapi.services.limits.storage.MAX_COUNTERS", 50)
    limits = RateLimits(settings_for(NEVER_OPENED, limit_login_address=""), TestClock())

    def guess(user_id: str | None, name: str) -> None:
        with suppress(InvalidCredentials), limits.password_attempt("192.0.2.1") as count_for:
            count_for(user_id, name)
            raise InvalidCredentials

    for _ in range(10):
        guess("ada", "ada@example.com")
    for number in range(200):
        guess(None, f"{number}@example.com")
    with pytest.raises(RateLimited):
        guess("ada", "ada@example.com")
