"""Waiting for another thread or process: until a condition holds, with an end."""

from collections.abc import Callable
from time import monotonic, sleep


def until(condition: Callable[[], bool], *, seconds: float = 10) -> float:
    """How many seconds it took. Fails the test when the condition does not come to hold."""
    began = monotonic()
    while not condition():
        assert monotonic() - began < seconds, "it never came to hold"
        sleep(0.001)
    return monotonic() - began
