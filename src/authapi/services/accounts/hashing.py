"""A use case that hashes passwords, as a generator: it yields each slow hash, to be computed.

The caller decides on which thread. The web computes hashes on the password pool and all other steps
on request threads: what a look-up or a limit refuses takes no place in the pool.
"""

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Hash: TypeAlias = Callable[[], object]
# It yields hashes, is sent their results, and returns T.
Hashing: TypeAlias = Generator[Hash, Any, T]


def hash_here(use_case: Hashing[T]) -> T:
    """Return what the use case returns. Compute its hashes on this thread: for commands."""
    answer: object = None
    while True:
        try:
            compute = use_case.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = compute()
