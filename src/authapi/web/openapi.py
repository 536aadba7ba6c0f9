"""What the OpenAPI document says beyond what FastAPI reads off the routes."""

from typing import Any

from authapi.errors import (
    BadRequest,
    InsufficientScope,
    InvalidField,
    InvalidToken,
    NoCredential,
    PayloadTooLarge,
    Refusal,
    Unavailable,
    UnsupportedMediaType,
)
from authapi.web.schemas import ErrorBody, ValidationErrorBody

INVALID_FIELD = {
    "error": InvalidField.code,
    "error_description": InvalidField.description,
    "errors": [{"loc": ["body", "password"], "msg": "Field required", "type": "missing"}],
}
# What can be answered wherever a body is read.
BODY = (BadRequest, PayloadTooLarge, UnsupportedMediaType, InvalidField)
# What can be answered wherever a credential is needed.
CREDENTIAL = (BadRequest, NoCredential, InvalidToken)


def refusals(*classes: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses`: the body of each error, with an example for each."""
    responses: dict[int | str, dict[str, Any]] = {}
    possible: list[type[Refusal]] = [*classes, Unavailable]
    for refusal in possible:
        response = responses.setdefault(
            refusal.status,
            {
                "model": ValidationErrorBody if refusal is InvalidField else ErrorBody,
                "description": refusal.description,
                "content": {"application/json": {"examples": {}}},
            },
        )
        response["content"]["application/json"]["examples"][refusal.__name__] = {
            "summary": refusal.description,
            "value": _example(refusal),
        }
        response.update(_headers(refusal))
    return responses


def _example(refusal: type[Refusal]) -> dict[str, Any]:
    if refusal is InvalidField:
        return INVALID_FIELD
    return {"error": refusal.code, "error_description": refusal.description}


def _headers(refusal: type[Refusal]) -> dict[str, Any]:
    names = {
        401: "WWW-Authenticate",
        405: "Allow",
        429: "Retry-After",
        503: "Retry-After",
    }
    if name := names.get(refusal.status):
        return {"headers": {name: {"schema": {"type": "string"}}}}
    if refusal is InsufficientScope:
        return {"headers": {"WWW-Authenticate": {"schema": {"type": "string"}}}}
    return {}


def documented(*classes: type[Refusal]) -> dict[str, dict[str, Any]]:
    """The same for an operation that FastAPI does not generate."""
    documents = {}
    for status, response in refusals(*classes).items():
        model = response.pop("model").__name__
        response["content"]["application/json"]["schema"] = {
            "$ref": f"#/components/schemas/{model}"
        }
        documents[str(status)] = response
    return documents
