"""Answer `/verify`: a reverse proxy asks it about each request (nginx auth_request, Envoy).

It takes any method and any path below it, and reads only the headers. It makes no query and takes
no thread, but for transport `session`. It answers 204, 401, 403 or 503 only: nginx makes a 500 of
any other status. It is the innermost middleware: FastAPI's routes would cost twice the rest.
"""

from collections.abc import Awaitable
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from authapi.errors import (
    BadRequest,
    CsrfFailed,
    InsufficientScope,
    InvalidToken,
    NoCredential,
    Refusal,
)
from authapi.verifier import Claims
from authapi.web.credentials.authentication import authenticate
from authapi.web.error_handlers import handle_refusal
from authapi.web.middleware.proxies import original_method
from authapi.web.openapi.document import documented_refusals


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
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
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
        claims = await authenticate(request, original_method(request))
    except BadRequest as error:
        raise InvalidToken from error  # two Authorization headers: 400 elsewhere
    if not (claims.sub.isascii() and claims.sid.isascii()):
        raise InvalidToken  # not issued by us, and a header could not carry it
    if request.scope["query_string"]:
        given = request.query_params.getlist("scope")
        wanted = [scope for text in given for scope in text.split()]
        if not claims.scopes.issuperset(wanted):
            raise InsufficientScope(wanted)
    return claims


_TEXT = {"schema": {"type": "string"}}
OPERATION: dict[str, Any] = {
    "tags": ["tokens"],
    "summary": "Is this request's credential good?",
    "description": "For a reverse proxy that asks about each request. Any method; "
    "`/verify/{any path}` is the same.",
    "operationId": "verify",
    "security": [{"accessToken": []}],
    "parameters": [
        {
            "name": "scope",
            "in": "query",
            "required": False,
            "description": "Space-separated scopes that the token must have.",
            "schema": {"type": "string"},
        }
    ],
    "responses": {
        "204": {
            "description": "It is good.",
            "headers": {"X-Auth-Subject": _TEXT, "X-Auth-Session": _TEXT, "X-Auth-Scope": _TEXT},
        },
        **documented_refusals(NoCredential, InvalidToken, InsufficientScope, CsrfFailed),
    },
}
PATHS: dict[str, Any] = {"/verify": {"get": OPERATION}}
