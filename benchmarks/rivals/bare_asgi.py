"""The ceiling: what uvicorn itself costs, with nothing behind it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

BODY = b'{"sub":"Jx3dVbPq0sZk5TnW8yRcLg","scopes":["reports:read"],"expires_at":1893456000}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def app(
    scope: MutableMapping[str, Any],
    _receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
