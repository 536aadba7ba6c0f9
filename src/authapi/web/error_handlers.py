"""Answer every error, FastAPI's and Starlette's too, in the one form of docs/errors.md."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from authapi.errors import (
    BadRequest,
    CsrfFailed,
    Forbidden,
    InvalidField,
    InvalidGrant,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    Refusal,
    ServerError,
)
from authapi.logs import log
from authapi.web.bodies import FIELD_NAME, NOT_JSON
from authapi.web.even_time import even_out
from authapi.web.logged_path import logged_path
from authapi.web.runtime import runtime_of

# These may be attacks (ASVS 16.3). A wrong password or access token is logged where it is found.
SUSPICIOUS = (Forbidden, InvalidGrant, RateLimited)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_ERRORS = 10  # in one answer
MAX_DESCRIBED = 3  # in its error_description
UNDESCRIBABLE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6749 section 5.2


def install(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, handle_refusal)
    app.add_exception_handler(RequestValidationError, _handle_invalid_field)
    app.add_exception_handler(HTTPException, _handle_http_exception)


def as_response(refusal: Refusal) -> Response:
    """Return the response to a refusal."""
    body: dict[str, Any] = {"error": refusal.code, "error_description": refusal.description}
    body |= refusal.members
    if isinstance(refusal, InvalidField):
        body = _validation_body(refusal.errors)
    return JSONResponse(body, refusal.status, dict(refusal.headers))


async def handle_refusal(request: Request, error: Exception) -> Response:
    """Return the response to a refusal. Count it, and log one that may be an attack."""
    refusal = error if isinstance(error, Refusal) else ServerError()
    note(request, refusal)
    await even_out(request, refusal)
    return as_response(refusal)


def note(request: Request, refusal: Refusal) -> None:
    """Count a refusal, and log one that may be an attack."""
    if isinstance(refusal, SUSPICIOUS):
        ip = request.client.host if request.client else None
        why = {"reason": refusal.reason} if isinstance(refusal, CsrfFailed) else {}
        path = logged_path(request.scope)
        log.info("request_refused", error=refusal.code, path=path, ip=ip, **why)
    runtime_of(request).refusals.add(type(refusal).__name__)


def answer_to(request: Request, refusal: Refusal) -> Response:
    """Return the response to a refusal, and count it."""
    runtime_of(request).refusals.add(type(refusal).__name__)
    return as_response(refusal)


async def _handle_invalid_field(request: Request, error: Exception) -> Response:
    given = error.errors() if isinstance(error, RequestValidationError) else []
    body = _validation_body([_without_input(entry) for entry in given[:MAX_ERRORS]])
    runtime_of(request).refusals.add(InvalidField.__name__)
    return JSONResponse(body, InvalidField.status)


def _validation_body(errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the body of a 422. Its description names the first fields, and never a value."""
    told = [_described(error) for error in errors[:MAX_DESCRIBED]]
    told += ["and more"] if len(errors) > MAX_DESCRIBED else []
    description = UNDESCRIBABLE.sub("'", "; ".join(told) + ".")
    return {"error": InvalidField.code, "error_description": description, "errors": errors}


def _described(error: Mapping[str, Any]) -> str:
    field = ".".join(map(str, error["loc"][1:]))
    message = str(error["msg"]).rstrip(".")
    return f"{field}: {message}" if field else message


def _without_input(error: dict[str, Any]) -> dict[str, Any]:
    """Return pydantic's error without what was sent, but for a name that can be one of a field."""
    loc = [part for part in error["loc"] if FIELD_NAME.fullmatch(str(part)) or type(part) is int]
    msg = error["msg"].removeprefix("Value error, ")
    if loc == ["body"] and error["type"] == "missing":
        msg = "A JSON body is required"
    if error["type"] == "extra_forbidden":
        is_told = len(loc) == len(error["loc"])
        msg = "This field is not known" if is_told else "There is a field that is not known"
    return {"loc": loc, "msg": msg, "type": error["type"]}


async def _handle_http_exception(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    match status:
        case 404:
            return answer_to(request, NotFound())
        case 405:
            return answer_to(request, MethodNotAllowed(allowed_methods(request)))
        case 400:  # FastAPI wraps what the reading of a body raises
            cause = error.__cause__
            refusal = cause if isinstance(cause, BadRequest) else BadRequest(NOT_JSON)
            return answer_to(request, refusal)
    return answer_to(request, ServerError())


def allowed_methods(request: Request) -> str:
    """Return all methods of the path. Starlette names those of the first route with the path."""

    def is_allowed(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)

    allowed = [method for method in METHODS if is_allowed(method)]
    return ", ".join([*allowed, "HEAD"] if "GET" in allowed else allowed)
