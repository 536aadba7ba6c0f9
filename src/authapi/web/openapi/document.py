"""Complete the OpenAPI document that FastAPI generates from the routes."""

import json
import re
from typing import Any

from fastapi import FastAPI

from authapi.errors import (
    BadRequest,
    CsrfFailed,
    InsufficientScope,
    InvalidField,
    InvalidToken,
    NoCredential,
    PayloadTooLarge,
    Refusal,
    Unavailable,
    UnsupportedMediaType,
)
from authapi.web.credentials.cookies import KINDS, Cookies
from authapi.web.schemas import ErrorBody, ValidationErrorBody

FIELD_ERRORS = {
    "error_description": "password: Field required.",
    "errors": [{"loc": ["body", "password"], "msg": "Field required", "type": "missing"}],
}
HEADERS = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}
# Possible wherever a body is read.
BODY = (BadRequest, PayloadTooLarge, UnsupportedMediaType, InvalidField)
# Possible wherever a credential is needed.
CREDENTIAL = (BadRequest, NoCredential, InvalidToken)
# Possible where such a request changes something: a cookie then needs a CSRF token.
CHANGE = (*CREDENTIAL, CsrfFailed)

# What a token response is good for: OpenAPI's links, for tools that follow them.
_REFRESH_TOKEN = {"requestBody": {"refresh_token": "$response.body#/refresh_token"}}
_LINKS = {name: {"operationId": name, **_REFRESH_TOKEN} for name in ("refresh", "logout")}
WITH_LINKS: dict[int | str, dict[str, Any]] = {200: {"links": _LINKS}}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing has changed."}}

# FastAPI's own body of a 422. We never send it: web/error_handlers.py.
FOREIGN_SCHEMAS = ("HTTPValidationError", "ValidationError")
UNUSED_SCHEMAS = (*FOREIGN_SCHEMAS, "Transport", "EventType")  # the last two stand in place
TAGS = {
    "accounts": "Make an account.",
    "mails": "What comes back from mails, and mails that strangers ask for.",
    "tokens": "Log in, refresh, log out.",
    "me": "The account of the credential.",
    "factors": "Second factors, passkeys and identities: more ways to log in.",
    "sessions": "The sessions of the user.",
    "admin": "Accounts and events, for administrators.",
    "for services": "Keys and revocations, for services that verify access tokens themselves.",
    "health": "Health checks and metrics.",
}


def describe(app: FastAPI, more_paths: dict[str, Any], cookies: Cookies) -> None:
    """Complete the document, for generated clients. FastAPI does not know of `more_paths`."""
    generate = app.openapi
    app.description = "In an error `error` is for programs, and `error_description` for people."
    app.license_info = {"name": "MIT", "identifier": "MIT"}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(generate(), more_paths)
            _add_cookies(app.openapi_schema, cookies)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(document: dict[str, Any], more_paths: dict[str, Any]) -> dict[str, Any]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            # FastAPI adds path and method to the function's name, which spoils generated clients.
            suffix = re.sub(r"\W", "_", path) + f"_{method}"
            operation["operationId"] = operation["operationId"].removesuffix(suffix)
            if FOREIGN_SCHEMAS[0] in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
            _name_the_body(operation)
    for name in UNUSED_SCHEMAS:
        document["components"]["schemas"].pop(name, None)
    for schema in document["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            _describe_default(field)
    document["paths"].update(more_paths)
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    return document


def _name_the_body(operation: dict[str, Any]) -> None:
    """Let an optional body be a reference, and not a union with null, which no type has a name."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for possible in content.get("schema", {}).get("anyOf", ()):
        if "$ref" in possible:
            content["schema"] = possible


def _describe_default(field: dict[str, Any]) -> None:
    """Say the default in words. Generated clients take a field with one for a required one."""
    if "default" in field:
        default = json.dumps(field.pop("default"))
        field["description"] = f"{field.get('description', '')} Default: `{default}`.".strip()


def refusals(*classes: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses`: the body of each error, with an example for each."""
    responses: dict[int | str, dict[str, Any]] = {}
    possible: tuple[type[Refusal], ...] = (*classes, Unavailable)
    for refusal in possible:
        response = responses.setdefault(
            refusal.status,
            {
                "model": ValidationErrorBody if refusal is InvalidField else ErrorBody,
                "description": refusal.description,
                "content": {"application/json": {"examples": {}}},
            },
        )
        example: dict[str, object] = {"error": refusal.code}
        example |= {"error_description": refusal.description, **refusal.members}
        response["content"]["application/json"]["examples"][refusal.__name__] = {
            "summary": refusal.description,
            "value": example | FIELD_ERRORS if refusal is InvalidField else example,
        }
        header = "WWW-Authenticate" if refusal is InsufficientScope else HEADERS.get(refusal.status)
        if header:
            response["headers"] = {header: {"schema": {"type": "string"}}}
    return responses


def documented_refusals(*classes: type[Refusal]) -> dict[str, dict[str, Any]]:
    """Return `responses` for an operation that FastAPI does not generate."""
    documents = {}
    for status, response in refusals(*classes).items():
        model = response.pop("model").__name__
        schema = {"$ref": f"#/components/schemas/{model}"}
        response["content"]["application/json"]["schema"] = schema
        documents[str(status)] = response
    return documents


def _add_cookies(document: dict[str, Any], cookies: Cookies) -> None:
    """Allow cookies wherever an access token is allowed; for a change with the CSRF token."""
    schemes = document["components"]["securitySchemes"]
    for kind in KINDS:
        schemes[f"{kind}Cookie"] = {
            "type": "apiKey",
            "in": "cookie",
            "name": cookies.name(kind),
            "description": "The browser sends it. No script can read or set it.",
        }
    schemes["csrfToken"] = {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "The `csrf_token` of the log-in: for a change that a cookie authenticates.",
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            is_protected = "security" in operation
            operation["security"] = _alternatives(path, method) if is_protected else []


def _alternatives(path: str, method: str) -> list[dict[str, list[str]]]:
    proof: dict[str, list[str]] = {} if method == "get" else {"csrfToken": []}
    by_cookie = [{f"{kind}Cookie": [], **proof} for kind in ("access", "session")]
    match path:
        case "/csrf":
            return [*by_cookie, {"refreshCookie": []}]
        case "/logout":  # or a refresh token in the body
            return [{"accessToken": []}, *by_cookie, {"refreshCookie": [], **proof}, {}]
    return [{"accessToken": []}, *by_cookie]
