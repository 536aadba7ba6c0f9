"""ASGI: access tokens for whole routers, in front of any ASGI application. Imports no framework.

verifier = Verifier(issuer="https://auth.example", audience="reports")
app.add_middleware(AuthMiddleware, verifier=verifier, protect={"/reports": "reports:read"})

@app.get("/reports")
async def reports(request: Request) -> list[Report]:
    subject = claims_of(request)
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from authapi.verifier.bearer import (
    RefusedRequest,
    authorization_headers,
    bearer_token,
    refused_token,
    require_log_in,
    require_scopes,
)
from authapi.verifier.claims import Claims
from authapi.verifier.errors import InvalidTokenError
from authapi.verifier.required_log_in import ANY_LOG_IN, RequiredLogIn
from authapi.verifier.verifier import Verifier

__all__ = ["CLAIMS", "AuthMiddleware", "claims_of"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

CLAIMS = "authapi.claims"  # where the claims stand in the scope
CACHED_PATHS = 256
MAX_PATH_CHARACTERS = 1024  # strangers choose the paths, up to 64 KB each
POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1

# A path with any of these may be read as another one than is written. Starlette itself takes
# "/admin\n" for "/admin": a regular expression's $ does.
_ODD = re.compile(r"//|/\.\.?(?![^/])|[%\\;?#\x00-\x20\x7f]|^[^/]")
_ANYWHERE = "*"  # a reading that is under every prefix
# Nobody can tell which path these make: an application may resolve a dot segment before or after it
# decodes, drops spaces or reads a backslash as a slash, and control characters may end a path.
_UNDECIDED = re.compile(r"[\x00-\x1f\x7f]|/\.\.?(?=[/;?#]|\Z)")
_PARAMETERS = re.compile(r";[^/]*|[?#].*")


class AuthMiddleware:
    """Answers a request to a protected path itself, unless its access token has the scopes.

    `protect` maps path prefixes to the scopes that they need, separated by spaces; "" asks for a
    token alone. A path under several prefixes needs the scopes of all. `public` are prefixes inside
    them that need no token. Every method needs the token, OPTIONS too: put CORS in front. With
    `log_in=RequiredLogIn(max_age=600)` each protected path needs a log-in as fresh or as strong.

    A prefix is compared in whole segments. A path is protected if any reading of it is: with and
    without `root_path`, in any case, decoded again, with `//` and a backslash as one slash, without
    spaces and `;` parameters. Under every prefix are a path with a dot segment or a control
    character, a path of over 1,024 characters, and one without a slash at its start: nobody can
    tell what an application makes of them. A public path has one reading only.
    """

    def __init__(
        self,
        app: ASGIApp,
        verifier: Verifier,
        *,
        protect: Mapping[str, str],
        public: Iterable[str] = (),
        log_in: RequiredLogIn = ANY_LOG_IN,
    ) -> None:
        self._app, self._verifier = app, verifier
        self._rules = [
            (_prefix(prefix).casefold(), frozenset(scopes.split()))
            for prefix, scopes in protect.items()
        ]
        self._public = [_prefix(prefix) for prefix in public]
        self._log_in = log_in
        self._needed_scopes = lru_cache(CACHED_PATHS)(self._read_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._verifier.start()
        elif scope["type"] in ("http", "websocket"):
            is_long = len(scope["path"]) > MAX_PATH_CHARACTERS
            path, root_path = _ANYWHERE if is_long else scope["path"], scope.get("root_path", "")
            needed = self._needed_scopes(path, root_path)
            if needed is not None:
                claims = recall_request(self._verifier, scope, needed)
                try:
                    if claims is None:
                        claims = await verify_request(self._verifier, scope, needed)
                    if self._log_in:
                        require_log_in(claims, self._log_in, now=self._verifier.now())
                except RefusedRequest as refused:
                    await _answer(refused, scope, send)
                    return
                scope[CLAIMS] = claims
        await self._app(scope, receive, send)

    def _read_path(self, path: str, root_path: str) -> frozenset[str] | None:
        """Return the scopes that the path needs, None where it needs no token."""
        root = root_path.rstrip("/")
        inner = path.removeprefix(root) if path.startswith(root + "/") else path
        # Some frameworks do not check that the root ends at a slash.
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
    """Return the claims of a Starlette request, or of a scope, for a protected path.

    Raises LookupError on any other path, which the application believes to be protected.
    """
    try:
        claims: Claims = request[CLAIMS]
    except KeyError:
        raise LookupError("No AuthMiddleware protects this path.") from None
    return claims


def recall_request(verifier: Verifier, scope: Scope, scopes: frozenset[str]) -> Claims | None:
    """Return what `verify_request` would, without an await; None if that must decide.

    The tokens of nearly all requests were verified before, and an await would double the cost.
    """
    sent: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if sent is not None:
                return None
            sent = value
    if sent is None or sent[:7] != b"Bearer ":
        return None
    claims = verifier.recall(sent[7:])
    return claims if claims is None or scopes <= claims.scopes else None


async def verify_request(verifier: Verifier, scope: Scope, scopes: frozenset[str]) -> Claims:
    """Return the claims of a request's access token. Raises RefusedRequest without the scopes."""
    try:
        claims = await verifier.averify(bearer_token(authorization_headers(scope["headers"])))
    except InvalidTokenError as error:
        raise refused_token(error) from error
    require_scopes(claims, scopes)
    return claims


def _prefix(path: str) -> str:
    """Return the prefix without its last slash. Raises ValueError for one that never fits."""
    if not path.startswith("/") or "{" in path or _ODD.search(path):
        raise ValueError(f"A prefix is a plain path that begins with a slash, not {path!r}.")
    return path.rstrip("/")


def _is_under(path: str, prefix: str) -> bool:
    return not prefix or path in (prefix, _ANYWHERE) or path.startswith(prefix + "/")


def _readings(path: str) -> set[str]:
    once = unquote(path)
    decoded = unquote(once)
    is_undecided = _UNDECIDED.search(decoded.replace("\\", "/").replace(" ", "")) is not None
    if is_undecided or not path.startswith("/") or unquote(decoded) != decoded:
        return {_ANYWHERE}
    bare = [_PARAMETERS.sub("", one) for one in (path, once, decoded)]
    plain = [unquote(unquote(one)) for one in (path, *bare)]
    spelled = [*plain, *(one.replace(" ", "") for one in plain)]
    return {path, *(re.sub(r"[/\\]+", "/", one).casefold() for one in spelled)}


async def _answer(refused: RefusedRequest, scope: Scope, send: Send) -> None:
    """Send the refusal, or close a websocket whose server cannot send an answer."""
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
            return
    body = json.dumps(refused.body, separators=(",", ":")).encode()
    described = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    headers = {**refused.headers, **described}
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": f"{kind}.start", "status": refused.status, "headers": encoded})
    await send({"type": f"{kind}.body", "body": body})
