"""FastAPI: access tokens as dependencies of a route.

    verifier = Verifier(issuer="https://auth.example", audience="reports")
    CurrentSubject = Annotated[Claims, Depends(AccessToken(verifier))]
    ReportReader = Annotated[Claims, Depends(AccessToken(verifier, "reports:read"))]

    app = FastAPI(lifespan=following(verifier), responses=REFUSALS)
    answer_refusals(app)

    @app.get("/reports")
    async def reports(subject: ReportReader) -> list[Report]: ...

Without any I/O: a request waits only until the first keys and revocations are there, two seconds
at most. Needs FastAPI, which authapi.verifier itself does not.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

from authapi.verifier.asgi import recall_request, verify_request
from authapi.verifier.bearer import INSUFFICIENT_SCOPE, TWO_HEADERS, UNAVAILABLE, RefusedRequest
from authapi.verifier.claims import Claims
from authapi.verifier.verifier import Verifier

__all__ = ["REFUSALS", "AccessToken", "answer_refusals", "following"]

_BODY = {
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
}


def _documented(description: str, header: str | None) -> dict[str, Any]:
    headers = {"headers": {header: {"schema": {"type": "string"}}}} if header else {}
    return {
        "description": description,
        "content": {"application/json": {"schema": _BODY}},
    } | headers


# For `responses=` of an application, a router or a route: what can come back instead.
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: _documented(TWO_HEADERS, None),
    401: _documented("No access token, or one that is not valid.", "WWW-Authenticate"),
    403: _documented(INSUFFICIENT_SCOPE, "WWW-Authenticate"),
    503: _documented(UNAVAILABLE, "Retry-After"),
}


class RefusedHTTPException(HTTPException):
    """FastAPI answers it by itself with the body under `detail`, else see answer_refusals."""

    def __init__(self, refused: RefusedRequest) -> None:
        super().__init__(refused.status, refused.body, refused.headers)


class AccessToken(HTTPBearer):
    """A dependency: the claims of the request's access token, which must have these scopes."""

    def __init__(self, verifier: Verifier, *scopes: str) -> None:
        super().__init__(
            scheme_name="accessToken",
            bearerFormat="JWT",
            description="An access token of authapi.",
        )
        self._verifier = verifier
        self._scopes = frozenset(scopes)

    async def __call__(self, request: Request) -> Claims:  # type: ignore[override]
        claims = recall_request(self._verifier, request.scope, self._scopes)
        if claims is None:
            try:
                claims = await verify_request(self._verifier, request.scope, self._scopes)
            except RefusedRequest as error:
                raise RefusedHTTPException(error) from error
        return claims


def answer_refusals(app: FastAPI) -> None:
    """Let the application answer with authapi's one error body, not with it under `detail`."""
    app.add_exception_handler(RefusedHTTPException, _answer)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedHTTPException)
    return JSONResponse(error.detail, error.status_code, error.headers)


def following(verifier: Verifier) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """A lifespan that loads keys and revocations before the first request, and stops at the end."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with verifier:
            yield

    return lifespan
