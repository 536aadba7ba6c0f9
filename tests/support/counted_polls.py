"""How soon a change is known, in polls: on a busy machine a second says nothing about us.

A mechanism that misses a change is seen by the polls that did not learn it. One that has become
slow is seen by LATE.
"""

from collections import Counter
from collections.abc import Callable

import httpx

from tests.support.until import until

FEED = "/revocations"
# One may be under way when the change comes, and the one after learns it. One more is counted
# before what it has brought is in force.
MOST_POLLS = 3
LATE = 8.0  # seconds: eight of the default's pauses


class CountingTransport(httpx.AsyncHTTPTransport):
    """Counts the answers that a service got, by path."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: Counter[str] = Counter()

    @property
    def polls(self) -> int:
        return self.answers[FEED]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        self.answers[request.url.path] += 1
        return answer


class PlainPolls(CountingTransport):
    """Something on the way that lets nobody wait: the issuer answers at once."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_remove_param("wait")
        return await super().handle_async_request(request)


def until_within_polls(
    condition: Callable[[], bool], polls: Callable[[], int], *, every: float = 0.01
) -> None:
    """Wait until the condition holds. Fail if more polls than MOST_POLLS did not bring it."""
    before = polls()

    def holds() -> bool:
        made = polls() - before  # before the question: what they brought is there
        is_known = condition()
        assert is_known or made <= MOST_POLLS, f"{made} polls have not brought it"
        return is_known

    until(holds, seconds=LATE, every=every)
