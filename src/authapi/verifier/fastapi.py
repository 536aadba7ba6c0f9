"""FastAPI: access tokens as dependencies of a route.

    verifier = Verifier(issuer="https://auth.example", audience="reports")
    CurrentSubject = Annotated[Claims, Depends(AccessToken(verifier))]
    ReportReader = Annotated[Claims, Depends(AccessToken(verifier, "reports:read"))]
    ReportWriter = Annotated[Claims, Depends(AccessToken(verifier, "reports:write", max_age=600))]

    app = FastAPI(lifespan=following(verifier), responses=REFUSALS)
    answer_refusals(app)

    @app.get("/reports")
    async def reports(subject: ReportReader) -> list[Report]: ...

A request waits at most two seconds for the first keys and revocations, and for nothing after that.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

from authapi.verifier.asgi import recall_request, verify_request
from authapi.verifier.bearer import (
    INSUFFICIENT_SCOPE,
    TWO_HEADERS,
    UNAVAILABLE,
    RefusedRequest,
    require_log_in,
)
from authapi.verifier.claims import Claims
from authapi.verifier.required_log_in import RequiredLogIn
from authapi.verifier.verifier import Verifier

__all__ = ["REFUSALS", "AccessToken", "answer_refusals", "following"]

_BODY = {
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
}


def _documented(description: str, *headers: str) -> dict[str, Any]:
    content = {"application/json": {"schema": _BODY}}
    documented = {"description": description, "content": content}
    return documented | (
        {"headers": {name: {"schema": {"type": "string"}} for name in headers}} if headers else {}
    )


# The refusals, for `responses=` of an application, a router or a route.
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: _documented(TWO_HEADERS),
    401: _documented(
        "No access token, or one that is not valid or fresh enough.", "WWW-Authenticate"
    ),
    403: _documented(INSUFFICIENT_SCOPE, "WWW-Authenticate"),
    503: _documented(UNAVAILABLE, "Retry-After"),
}


class RefusedHTTPException(HTTPException):
    """A refusal. FastAPI answers with the body under `detail`, unless `answer_refusals` ran."""

    def __init__(self, refused: RefusedRequest) -> None:
        super().__init__(refused.status, refused.body, refused.headers)


class AccessToken(HTTPBearer):
    """A dependency that returns the claims of an access token with these scopes.

    The log-in is at most `max_age` seconds ago and of the level `acr` (`aal2`: with a second
    factor). Raises ValueError for what no log-in can be.
    """

    def __init__(
        self, verifier: Verifier, *scopes: str, max_age: int | None = None, acr: str | None = None
    ) -> None:
        description = "An access token of authapi."
        super().__init__(scheme_name="accessToken", bearerFormat="JWT", description=description)
        self._verifier, self._scopes = verifier, frozenset(scopes)
        self._log_in = RequiredLogIn(max_age, acr)

    async def __call__(self, request: Request) -> Claims:  # type: ignore[override]
        claims = recall_request(self._verifier, request.scope, self._scopes)
        try:
            if claims is None:
                claims = await verify_request(self._verifier, request.scope, self._scopes)
            if self._log_in:
                require_log_in(claims, self._log_in, now=self._verifier.now())
        except RefusedRequest as error:
            raise RefusedHTTPException(error) from error
        return claims


def answer_refusals(app: FastAPI) -> None:
    """Let the application answer with authapi's error body itself, not under `detail`."""
    app.add_exception_handler(RefusedHTTPException, _answer)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedHTTPException)
    return JSONResponse(error.detail, error.status_code, error.headers)


def following(verifier: Verifier) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that starts the verifier with the application, and closes it at the end."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with verifier:
            yield

    return lifespan
