"""An answer that its route writes out.

FastAPI checks what a `def` route returns against its own model once more, on a second thread: a
fifth of what `GET /me` and `POST /refresh` cost, which are asked most often of those that do I/O.
"""

import json
from collections.abc import Mapping
from hashlib import sha256

from pydantic import BaseModel
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


def written_out(
    body: BaseModel, *, cookies: Response | None = None, exclude_none: bool = False
) -> Response:
    """The model as JSON, with the cookies that were set on another response."""
    content = body.model_dump_json(exclude_none=exclude_none)
    response = Response(content, media_type="application/json")
    if cookies is not None:
        for value in cookies.headers.getlist("set-cookie"):
            response.headers.append("set-cookie", value)
    return response
