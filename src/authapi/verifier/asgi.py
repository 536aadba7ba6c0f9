"""ASGI: access tokens for whole routers, in front of FastAPI, Starlette or any other application.

    verifier = Verifier(issuer="https://auth.example", audience="reports")
    app.add_middleware(AuthMiddleware, verifier=verifier, protect={"/reports": "reports:read"})

    @app.get("/reports")
    async def reports(request: Request) -> list[Report]:
        subject = claims_of(request)

A refusal is answered before the application sees the request. Imports no framework.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import lru_cache
from posixpath import normpath
from typing import Any
from urllib.parse import unquote

from authapi.verifier.bearer import (
    RefusedRequest,
    authorization_headers,
    bearer_token,
    refused_token,
    require_scopes,
)
from authapi.verifier.claims import Claims
from authapi.verifier.errors import InvalidTokenError
from authapi.verifier.verifier import Verifier

__all__ = ["CLAIMS", "AuthMiddleware", "claims_of"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

CLAIMS = "authapi.claims"  # where the claims stand in the scope
REMEMBERED_PATHS = 256
POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1

# A path with any of these may be read as another one than is written. Starlette itself takes
# "/admin\n" for "/admin": a regular expression's $ does.
_ODD = re.compile(r"//|/\.\.?(?![^/])|[%\\;?#\x00-\x20\x7f]|^[^/]")
_ANYWHERE = "*"  # a reading that is under every prefix
_NOT_PRINTED = re.compile(r"[\x00-\x20\x7f]")
_PARAMETERS = re.compile(r";[^/]*|[?#\x00-\x1f].*", re.DOTALL)


class AuthMiddleware:
    """Lets a request through to a protected path only with an access token that has its scopes.

    `protect` maps path prefixes to the scopes that they need, separated by spaces; "" asks for a
    token alone. Where several prefixes fit, the scopes of all are needed. `public` are prefixes
    inside them that need none. What is in neither passes untouched, and so does `lifespan`. Every
    method needs the token, OPTIONS too: put CORS in front.

    The path that the application routes by decides, in whole segments: "/reports" protects
    "/reports" and "/reports/1", not "/reportsx". It counts as protected if any reading of it is:
    with and without `root_path`, in any case, decoded again, with `//` and a backslash as one
    slash, without control characters and `;` parameters, with and without its dot segments
    resolved. A target without a slash at its start is under every prefix. Public is only a path
    that has one reading.
    """

    def __init__(
        self,
        app: ASGIApp,
        verifier: Verifier,
        *,
        protect: Mapping[str, str],
        public: Iterable[str] = (),
    ) -> None:
        self._app, self._verifier = app, verifier
        self._rules = [
            (_prefix(prefix).casefold(), frozenset(scopes.split()))
            for prefix, scopes in protect.items()
        ]
        self._public = [_prefix(prefix) for prefix in public]
        self._needed_scopes = lru_cache(REMEMBERED_PATHS)(self._read_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._verifier.start()
        elif scope["type"] in ("http", "websocket"):
            needed = self._needed_scopes(scope["path"], scope.get("root_path", ""))
            if needed is not None:
                claims = recall_request(self._verifier, scope, needed)
                if claims is None:
                    try:
                        claims = await verify_request(self._verifier, scope, needed)
                    except RefusedRequest as refused:
                        await _answer(refused, scope, send)
                        return
                scope[CLAIMS] = claims
        await self._app(scope, receive, send)

    def _read_path(self, path: str, root_path: str) -> frozenset[str] | None:
        """Return the scopes that the path needs, None where it needs no token."""
        root = root_path.rstrip("/")
        inner = path.removeprefix(root) if path.startswith(root + "/") else path
        # Others do not look whether the root ends where a segment does.
        loose = "/" + path.removeprefix(root).lstrip("/")
        is_odd = _ODD.search(path) is not None
        if not is_odd and any(_is_under(inner, prefix) for prefix in self._public):
            return None
        readings = {path.casefold(), inner.casefold(), loose.casefold()}
        if is_odd:
            readings = {reading for one in readings for reading in _readings(one)}
        needed = [
            scopes
            for prefix, scopes in self._rules
            if any(_is_under(reading, prefix) for reading in readings)
        ]
        return frozenset().union(*needed) if needed else None


def claims_of(request: Mapping[str, Any]) -> Claims:
    """Return the claims of a request to a protected path; takes a Starlette request or a scope.

    Raises LookupError on any other path: the application takes for protected what is not.
    """
    claims: Claims | None = request.get(CLAIMS)
    if claims is None:
        raise LookupError("No AuthMiddleware protects this path.")
    return claims


def recall_request(verifier: Verifier, scope: Scope, scopes: frozenset[str]) -> Claims | None:
    """Return what `verify_request` would, without waiting; None where it must be asked.

    Nearly every request has a token that was verified before, and an await costs as much as this.
    """
    sent = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(sent) == 1 and sent[0].startswith(b"Bearer "):
        try:
            claims = verifier.recall(sent[0][7:])
        except InvalidTokenError:
            return None
        if claims is not None and scopes <= claims.scopes:
            return claims
    return None


async def verify_request(verifier: Verifier, scope: Scope, scopes: frozenset[str]) -> Claims:
    """Return the claims of a request's access token, which must have these scopes.

    Raises RefusedRequest.
    """
    try:
        claims = await verifier.averify(bearer_token(authorization_headers(scope["headers"])))
    except InvalidTokenError as error:
        raise refused_token(error) from error
    require_scopes(claims, scopes)
    return claims


def _prefix(path: str) -> str:
    """The prefix without its last slash. Raises ValueError for one that could never fit."""
    if not path.startswith("/") or "{" in path or _ODD.search(path):
        raise ValueError(f"A prefix is a plain path that begins with a slash, not {path!r}.")
    return path.rstrip("/")


def _is_under(path: str, prefix: str) -> bool:
    return not prefix or path in (prefix, _ANYWHERE) or path.startswith(prefix + "/")


def _readings(path: str) -> set[str]:
    decoded = unquote(unquote(path))
    # Decoding has an end, or a long path of %2525... would cost a server seconds.
    if not path.startswith("/") or unquote(decoded) != decoded:
        return {_ANYWHERE}
    plain, bare = (
        re.sub(r"[/\\]+", "/", _NOT_PRINTED.sub("", one)).casefold()
        for one in (decoded, _PARAMETERS.sub("", decoded))
    )
    return {path, plain, normpath(plain), bare, normpath(bare)}


async def _answer(refused: RefusedRequest, scope: Scope, send: Send) -> None:
    """Send the refusal; a websocket that can't be told more is closed before it is accepted."""
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
            return
    body = json.dumps(refused.body, separators=(",", ":")).encode()
    headers = {
        **refused.headers,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": f"{kind}.start", "status": refused.status, "headers": encoded})
    await send({"type": f"{kind}.body", "body": body})
