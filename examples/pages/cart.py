"""A cart for each session: kept under its `sid`, and gone with the session.

| a cart ends                              | because                                           |
| ---------------------------------------- | ------------------------------------------------- |
| a moment after its session was ended     | the feed of revocations names the `sid`           |
| once it was not used for `lifetime`      | its session has run out, which no feed tells      |

The carts are in the memory of this one process. With several, a table with the column `sid` or a
Redis takes their place; the rest stays as it is.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from time import monotonic

import httpx
from fastapi import FastAPI

WAIT_SECONDS = 20  # that the feed may hold a request
REST_SECONDS = 0.05  # after each answer
PAUSE_SECONDS = 1.0  # before the next try, when there was no answer
MOST_OF_A_KIND = 99


class Carts:
    """`lifetime` is how many seconds a session lives unused."""

    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._carts: dict[str, Counter[str]] = {}
        self._used_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._carts)

    def of(self, sid: str) -> Counter[str]:
        """Return the cart of a session that was verified just now. It is empty at first."""
        self._used_at[sid] = monotonic()
        return self._carts.setdefault(sid, Counter())

    def add(self, sid: str, item: str) -> None:
        cart = self.of(sid)
        cart[item] = min(cart[item] + 1, MOST_OF_A_KIND)

    def forget(self, sids: Iterable[str]) -> None:
        for sid in sids:
            self._carts.pop(sid, None)
            self._used_at.pop(sid, None)

    def forget_unused(self) -> None:
        latest = monotonic() - self._lifetime
        self.forget([sid for sid, used_at in self._used_at.items() if used_at < latest])


async def follow(auth: FastAPI, carts: Carts) -> None:
    """Forget the cart of each session that ends, until the task is cancelled.

    authapi is in this process. From another one, ask `AUTHAPI_PUBLIC_URL` the same.
    """
    transport, cursor = httpx.ASGITransport(auth), ""
    async with httpx.AsyncClient(transport=transport, base_url="http://authapi") as client:
        while True:
            query = {"wait": str(WAIT_SECONDS)} | ({"since": cursor} if cursor else {})
            answer = await client.get("/revocations", params=query)
            carts.forget_unused()
            if answer.status_code != 200:
                cursor = ""  # read the whole window: it may be long until the next answer
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            page = answer.json()
            carts.forget(page["sessions"])
            cursor = page["cursor"]
            # While authapi stops, nobody waits: without a rest this would keep the event loop.
            await asyncio.sleep(REST_SECONDS)
