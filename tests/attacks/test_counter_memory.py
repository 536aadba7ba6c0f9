"""The kind: memory that a stranger fills, one made-up name after the other."""

from collections.abc import Iterator

from authapi.services.limits.storage import MAX_COUNTERS, MemoryStorage
from tests.support.clock import TestClock

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
