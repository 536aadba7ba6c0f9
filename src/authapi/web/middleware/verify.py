"""`/verify`: a reverse proxy asks it about each request (nginx auth_request, Traefik, Envoy).

A plain ASGI application in front of FastAPI's: any method and any path below it, nothing read but
the headers; no query and no thread, but for transport `session`. Its answers are 204, 401, 403 and
503 alone: nginx makes a 500 of anything else.

In front, because FastAPI's own way to a route is two thirds of what such a request costs.
"""

from typing import Any

from fastapi import FastAPI
from starlette.datastructures import QueryParams
from starlette.middleware import Middleware
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
from authapi.web.error_handlers import refused
from authapi.web.middleware.proxies import original_method
from authapi.web.openapi.document import documented


class Application(FastAPI):
    """FastAPI's application, but that `/verify` passes through the middleware alone."""

    _layers: ASGIApp

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's; what others have added is there too, each once and before our answer."""

        def outermost(app: ASGIApp) -> ASGIApp:
            self._layers = app
            return app

        added = self.user_middleware
        self.user_middleware = [Middleware(outermost), *added, Middleware(_in_front)]
        try:
            return super().build_middleware_stack()
        finally:
            self.user_middleware = added

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_verify_request(scope):
            await super().__call__(scope, receive, send)
            return
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        await self._layers(scope, receive, send)


def _in_front(app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        answering = verify_endpoint if is_verify_request(scope) else app
        await answering(scope, receive, send)

    return answer


def is_verify_request(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path == "/verify" or path.startswith("/verify/")


async def verify_endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    """204 with whose request it is, or a refusal."""
    request = Request(scope)
    try:
        claims = await _verified(request)
    except Refusal as refusal:
        await (await refused(request, refusal))(scope, receive, send)
        return
    headers = [
        (b"x-auth-subject", claims.sub.encode()),
        (b"x-auth-session", claims.sid.encode()),
        (b"x-auth-scope", " ".join(sorted(claims.scopes)).encode()),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body"})


async def _verified(request: Request) -> Claims:
    try:
        claims = await authenticate(request, original_method(request))
    except BadRequest as error:
        raise InvalidToken from error  # two Authorization headers: 400 elsewhere
    if not (claims.sub.isascii() and claims.sid.isascii()):
        raise InvalidToken  # none of ours, and no header could carry it
    if request.scope["query_string"]:
        wanted = _wanted_scopes(request.query_params)
        if not claims.scopes.issuperset(wanted):
            raise InsufficientScope(wanted)
    return claims


def _wanted_scopes(query: QueryParams) -> list[str]:
    return [scope for given in query.getlist("scope") for scope in given.split()]


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
        **documented(NoCredential, InvalidToken, InsufficientScope, CsrfFailed),
    },
}
PATHS: dict[str, Any] = {"/verify": {"get": OPERATION}}
