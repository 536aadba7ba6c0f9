"""Answers that others may keep: an ETag, and 304 for whoever has it already (RFC 9110 13.1.2)."""

import json
from collections.abc import Mapping
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response


def cacheable(request: Request, document: Mapping[str, object], *, max_age: int) -> Response:
    """The document as JSON, for `max_age` seconds; 0 means: ask again each time."""
    body = json.dumps(document, separators=(",", ":")).encode()
    lifetime = f"public, max-age={max_age}" if max_age else "no-cache"
    headers = {"ETag": etag_of(body), "Cache-Control": lifetime}
    if has_current(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def etag_of(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:32]}"'


def has_current(request: Request, etag: str) -> bool:
    given = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    return "*" in given or etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in given]
