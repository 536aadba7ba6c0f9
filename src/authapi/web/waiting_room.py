"""Where the refusal of a log-in waits a little, in a flood from its address.

A refused client that asks again at once can ask hundreds of times a second. Each time costs
everybody else a part of the processor. Here its answer waits, without a thread. The room is
bounded: whoever fills it gets the answers at once, as without it, and holds nobody else up.
"""

import asyncio
from collections import Counter
from time import monotonic

from authapi.services.limits.rate_limits import bucket
from authapi.services.revocation.waiting import WaitingPlaces

WAIT_SECONDS = 0.5
AT_ONCE = 20  # refusals a second of an address: no person, and no small crowd, ever waits
PLACES, PLACES_OF_AN_ADDRESS = 256, 64


class WaitingRoom:
    def __init__(self) -> None:
        self._places = WaitingPlaces(PLACES, PLACES_OF_AN_ADDRESS)
        self._refusals = Counter[str]()
        self._second = 0

    async def wait(self, address: str) -> None:
        """Wait, if there are many refusals for the address in this second, and there is room."""
        if self._count(bucket(address)) <= AT_ONCE:
            return
        with self._places.place(address) as has_place:
            if has_place:
                await asyncio.sleep(WAIT_SECONDS)

    def _count(self, client: str) -> int:
        if (second := int(monotonic())) != self._second:
            self._refusals.clear()  # no address stays in memory
            self._second = second
        self._refusals[client] += 1
        return self._refusals[client]
