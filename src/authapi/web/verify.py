"""`/verify`: a reverse proxy asks it about each request (nginx auth_request, Traefik, Envoy).

A plain ASGI endpoint: any method and any path below it, nothing read but the headers; no query
and no thread, but for transport `session`. Its answers are 204, 401, 403 and 503 alone: nginx
makes a 500 of anything else.
"""

from typing import Any

from fastapi import FastAPI
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from authapi.errors import BadRequest, CsrfFailed, InsufficientScope, InvalidToken, NoCredential
from authapi.web.authentication import authenticate
from authapi.web.openapi import describe, documented
from authapi.web.proxies import original_method


class VerifyEndpoint:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await _verify(Request(scope, receive, send))
        await response(scope, receive, send)


async def _verify(request: Request) -> Response:
    try:
        claims = await authenticate(request, original_method(request))
    except BadRequest as error:
        raise InvalidToken from error  # two Authorization headers: 400 elsewhere
    if not (claims.sub + claims.sid).isascii():
        raise InvalidToken  # none of ours, and no header could carry it
    wanted = _wanted_scopes(request.query_params)
    if not claims.scopes.issuperset(wanted):
        raise InsufficientScope(wanted)
    return Response(
        status_code=204,
        headers={
            "X-Auth-Subject": claims.sub,
            "X-Auth-Session": claims.sid,
            "X-Auth-Scope": " ".join(sorted(claims.scopes)),
        },
    )


def _wanted_scopes(query: QueryParams) -> list[str]:
    return [scope for given in query.getlist("scope") for scope in given.split()]


def install(app: FastAPI) -> None:
    """Add the routes, and name them in the OpenAPI document."""
    endpoint = VerifyEndpoint()
    # First of all: it is asked most often, and routes are tried in turn.
    app.router.routes[:0] = [
        Route("/verify", endpoint),
        Route("/verify/{original_path:path}", endpoint),
    ]
    describe(app, {"/verify": {"get": OPERATION}})


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
