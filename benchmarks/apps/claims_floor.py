"""The service of claims_middleware.py over the least that a middleware could do: one look-up.

It accepts what it knows without a look at time, key or revocation. No middleware that tells its
users apart is faster, so this is the ceiling of the row `claims-middleware`.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI

from authapi.verifier import Claims, Verifier
from authapi.verifier.asgi import CLAIMS, verify_request
from benchmarks.apps import claims_middleware

ANY_SCOPES: frozenset[str] = frozenset()

Scope = MutableMapping[str, Any]


class OneLookUp:
    """Verifies a token once, then finds its claims by the header's bytes."""

    def __init__(self, app: Callable[..., Awaitable[None]], verifier: Verifier) -> None:
        self._app, self._verifier = app, verifier
        self._known: dict[bytes, Claims] = {}

    async def __call__(self, scope: Scope, receive: object, send: object) -> None:
        if scope["type"] == "http" and scope["path"] == "/me":
            sent = next(value for name, value in scope["headers"] if name == b"authorization")
            claims = self._known.get(sent)
            if claims is None:
                claims = await verify_request(self._verifier, scope, ANY_SCOPES)
                self._known[sent] = claims
            scope[CLAIMS] = claims
        await self._app(scope, receive, send)


app = FastAPI()
app.add_middleware(OneLookUp, verifier=Verifier(issuer=os.environ["ISSUER"], audience="authapi"))
app.get("/me")(claims_middleware.me)
app.get("/up")(claims_middleware.up)
