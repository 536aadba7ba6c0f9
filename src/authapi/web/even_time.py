"""Refusals whose time must not tell what was found are sent at one moment after the request came.

A wrong code counts a try where a link waits for one, and writes nothing where there is none.
"""

from asyncio import sleep
from time import perf_counter

from starlette.requests import Request
from starlette.types import Scope

from authapi.errors import InvalidLink, Refusal

EVEN = (InvalidLink,)
EVEN_SECONDS = 0.05  # longer than what such a request takes, with the commit
_BEGAN = "authapi.began"


def note_begin(scope: Scope) -> None:
    """Note when the request came."""
    scope[_BEGAN] = perf_counter()


async def even_out(request: Request, refusal: Refusal) -> None:
    """Wait until the moment at which such a refusal is sent; not at all for others."""
    if isinstance(refusal, EVEN):
        began: float = request.scope.get(_BEGAN, 0.0)
        await sleep(began + EVEN_SECONDS - perf_counter())
