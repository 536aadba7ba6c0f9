"""A use case that hashes passwords, as a generator: it yields each slow step, to be done.

The caller decides on which thread. The web computes hashes on the password pool and all other steps
on request threads: what a look-up or a limit refuses takes no place in the pool. A question to
another machine holds no thread.
"""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Hash: TypeAlias = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Question:
    """A step that waits for another machine. `begin` returns at once, a call waits."""

    begin: Callable[[], Future[Any]]

    def __call__(self) -> object:
        return self.begin().result()


# It yields steps, is sent their results, and returns T.
Hashing: TypeAlias = Generator[Hash | Question, Any, T]


def hash_here(use_case: Hashing[T]) -> T:
    """Return what the use case returns. Do its steps on this thread: for commands."""
    answer: object = None
    while True:
        try:
            step = use_case.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = step()
