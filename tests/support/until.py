"""Waiting for another thread or process, until a condition holds or time is up."""

from collections.abc import Callable
from time import monotonic, sleep


def until(condition: Callable[[], bool], *, seconds: float = 60, every: float = 0.001) -> float:
    """Wait for the condition; return the seconds that it took, or fail the test.

    Ask less often, by a longer `every`, if asking keeps the processor from those who answer.
    """
    began = monotonic()
    while not condition():
        assert monotonic() - began < seconds, "it never came to hold"
        sleep(every)
    return monotonic() - began
