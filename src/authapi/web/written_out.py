"""An answer that its route writes out.

FastAPI checks what a `def` route returns against its own model once more, on a second thread: a
fifth of what `GET /me` and `POST /refresh` cost, which are asked most often of those that do I/O.
"""

from pydantic import BaseModel
from starlette.responses import Response


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
