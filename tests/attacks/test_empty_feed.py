"""The kind: a request of anybody that costs milliseconds of the event loop, whatever is there.

`GET /revocations` walked through 4,096 buckets in Python, though they were empty.
"""

from collections.abc import Callable
from functools import partial
from time import process_time

from authapi.verifier import RevocationSet

UNTIL = 2_000_000_000.0
CALLS, REPETITIONS = 20, 5
A_FULL_ONE = 20_000  # five of a bucket
MOST_OF_ITS_TIME = 0.05  # the walk alone takes more


def seconds(call: Callable[[], object]) -> float:
    """Return the least of several times."""
    times = []
    for _ in range(REPETITIONS):
        began = process_time()
        for _ in range(CALLS):
            call()
        times.append(process_time() - began)
    return min(times)


def test_an_empty_feed_costs_next_to_nothing() -> None:
    empty, full = RevocationSet(), RevocationSet()
    full.learn({f"sid-{number}": UNTIL for number in range(A_FULL_ONE)})
    for after in (None, UNTIL - 1):
        of_empty, of_full = (
            seconds(partial(lambda held, after: list(held.members(after)), held, after))
            for held in (empty, full)
        )
        assert of_empty < of_full * MOST_OF_ITS_TIME


def test_to_prune_an_empty_one_costs_next_to_nothing() -> None:
    empty, full = RevocationSet(), RevocationSet()
    full.learn({f"sid-{number}": UNTIL for number in range(A_FULL_ONE)})
    of_full = seconds(lambda: full.prune(UNTIL - 1))
    assert seconds(lambda: empty.prune(UNTIL - 1)) < of_full * MOST_OF_ITS_TIME
