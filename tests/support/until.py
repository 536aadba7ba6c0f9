"""Waiting for another thread or process: until a condition holds, with an end."""

from collections.abc import Callable
from time import monotonic, sleep


def until(condition: Callable[[], bool], *, seconds: float = 10, every: float = 0.001) -> float:
    """How many seconds it took. Fails the test when the condition does not come to hold.

    Where asking costs much, and others need the processor to answer: seldom, `every` so many
    seconds.
    """
    began = monotonic()
    while not condition():
        assert monotonic() - began < seconds, "it never came to hold"
        sleep(every)
    return monotonic() - began
