"""Answer `/verify`: a reverse proxy asks it about each request (nginx auth_request, Envoy).

It takes any method and any path below it, and reads only the headers. It makes no query and takes
no thread, but for transport `session`. It answers 204, 401, 403 or 503 only: nginx makes a 500 of
any other status. It is the innermost middleware: FastAPI's routes would cost twice the rest.

The query of `/verify` itself, and headers of a trusted proxy, may require a scope, an audience, and
how fresh and how strong the log-in is (RFC 9470). A requirement that is unknown, empty or makes no
sense is never fulfilled. Below `/verify/` the query is the original request's: it requires nothing.
"""

import re
from collections.abc import Awaitable
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from authapi.errors import (
    BadRequest,
    CsrfFailed,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidToken,
    NoCredential,
    Refusal,
)
from authapi.logs import log
from authapi.verifier import Claims
from authapi.verifier.required_log_in import ACRS, STRONGEST, RequiredLogIn
from authapi.web.credentials.authentication import authenticate
from authapi.web.credentials.csrf import HANDSHAKE, is_handshake
from authapi.web.error_handlers import handle_refusal
from authapi.web.middleware.proxies import ignored_method, original_method, required_by_proxy
from authapi.web.openapi.document import documented_refusals
from authapi.web.route_path import route_path
from authapi.web.runtime import runtime_of

REQUIREMENTS = frozenset({"scope", "audience", "max_age", "acr"})
SECONDS = re.compile("[0-9]{1,9}")


class Verify:
    """Pure ASGI. It answers `/verify` and hands on every other request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        answer = verify_endpoint if is_verify_request(scope) else self._app
        return answer(scope, receive, send)


def is_verify_request(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    path = route_path(scope)
    return path == "/verify" or path.startswith("/verify/")


async def verify_endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 204 with the subject, session and scope, or a refusal."""
    request = Request(scope)
    try:
        claims = await _authenticate_for_proxy(request)
    except Refusal as refusal:
        await (await handle_refusal(request, refusal))(scope, receive, send)
        return
    headers = [
        (b"x-auth-subject", claims.sub.encode()),
        (b"x-auth-session", claims.sid.encode()),
        (b"x-auth-scope", " ".join(sorted(claims.scopes)).encode()),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body"})


async def _authenticate_for_proxy(request: Request) -> Claims:
    try:
        claims = await authenticate(request, _acting_method, any_audience=True)
    except BadRequest as error:
        raise InvalidToken from error  # two Authorization headers: 400 elsewhere
    except CsrfFailed as refusal:
        raise _with_ignored_method(request, refusal) from refusal
    if not (claims.sub.isascii() and claims.sid.isascii()):
        raise InvalidToken  # not issued by us, and a header could not carry it
    required = required_by_proxy(request.scope)
    if request.scope["query_string"] and route_path(request.scope) == "/verify":
        required += request.query_params.multi_items()
    if required:
        if not REQUIREMENTS.issuperset(name for name, _ in required):
            # A slip of the operator's must not open the route.
            log.info("access_token_refused", reason="the proxy requires what is not known")
            raise InvalidToken
        runtime = runtime_of(request)
        _require(required, claims, own_audience=runtime.settings.audience)
        _require_log_in(required, claims, now=runtime.clock())
    return claims


def _with_ignored_method(request: Request, refusal: CsrfFailed) -> CsrfFailed:
    """Return the refusal. It says so where the proxy's word did not count: a frequent slip."""
    if not (ignored := ignored_method(request)):
        return refusal
    reason = f"{refusal.reason} {ignored}"
    is_local = runtime_of(request).settings.is_local
    return CsrfFailed(reason, reason if is_local else None)


def _acting_method(request: Request) -> str:
    return HANDSHAKE if is_handshake(request.headers) else original_method(request)


def _require(required: list[tuple[str, str]], claims: Claims, *, own_audience: str) -> None:
    """Refuse a credential that is not for the service, or lacks a scope, that the proxy requires.

    A session that was looked up is authapi's own, and names no audience.
    """
    audiences = claims.audiences or {own_audience}
    if not all(value in audiences for name, value in required if name == "audience"):
        log.info("access_token_refused", reason="the proxy requires another audience")
        raise InvalidToken
    texts = [value for name, value in required if name == "scope"]
    wanted = [scope for text in texts for scope in text.split()]
    if not (claims.scopes.issuperset(wanted) and all(map(str.strip, texts))):
        raise InsufficientScope(wanted)


def _require_log_in(required: list[tuple[str, str]], claims: Claims, *, now: float) -> None:
    """Refuse a log-in that is too old, or not strong enough. A password alone is `aal1`."""
    for name, value in required:
        if name == "max_age":
            is_number = SECONDS.fullmatch(value) is not None
            max_age = int(value) if is_number else 0
            if not is_number or not RequiredLogIn(max_age).is_met(claims, now=now):
                raise InsufficientUserAuthentication(max_age)
        if name == "acr":
            is_level = value in ACRS
            acr = value if is_level else STRONGEST
            if not is_level or not RequiredLogIn(acr=acr).is_met(claims, now=now):
                raise InsufficientUserAuthentication(acr=acr)


_TEXT = {"schema": {"type": "string"}}


def _parameter(name: str, place: str, description: str) -> dict[str, Any]:
    about = {"name": name, "in": place, "required": False, "description": description}
    return about | _TEXT


_SCOPE = "Space-separated scopes that the token must have."
_AUDIENCE = "The service that the token must be for."
_MAX_AGE = "The greatest age of the log-in, in seconds."
_ACR = "How strong the log-in must be: `aal1` (a password), or `aal2`."
_FROM_PROXY = " Counts from AUTHAPI_TRUSTED_PROXIES alone."
OPERATION: dict[str, Any] = {
    "tags": ["tokens"],
    "summary": "Is this request's credential good?",
    "description": "For a reverse proxy that asks about each request. Any method; "
    "`/verify/{any path}` is the same, but for the query.",
    "operationId": "verify",
    "security": [{"accessToken": []}],
    "parameters": [
        _parameter("scope", "query", _SCOPE),
        _parameter("audience", "query", _AUDIENCE),
        _parameter("max_age", "query", _MAX_AGE),
        _parameter("acr", "query", _ACR),
        _parameter("X-Auth-Require-Scope", "header", _SCOPE + _FROM_PROXY),
        _parameter("X-Auth-Require-Audience", "header", _AUDIENCE + _FROM_PROXY),
        _parameter("X-Auth-Require-Max-Age", "header", _MAX_AGE + _FROM_PROXY),
        _parameter("X-Auth-Require-Acr", "header", _ACR + _FROM_PROXY),
    ],
    "responses": {
        "204": {
            "description": "It is good.",
            "headers": {"X-Auth-Subject": _TEXT, "X-Auth-Session": _TEXT, "X-Auth-Scope": _TEXT},
        },
        **documented_refusals(
            *(NoCredential, InvalidToken, InsufficientUserAuthentication),
            *(InsufficientScope, CsrfFailed),
        ),
    },
}
PATHS: dict[str, Any] = {"/verify": {"get": OPERATION}}
