"""The ways to write JSON: a model, and a document that clients and proxies may keep.

Routes that do I/O return the response, not the model. FastAPI would check the model again, on a
second thread: a fifth of what `GET /me` and `POST /refresh` cost.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

JSON = "application/json"
MAX_ETAGS_CHARACTERS = 1024  # of If-None-Match; ours are 34 each
PIECE_BYTES = 64 * 1024
ANSWERED_EARLY = "answered_early"  # in `request.state`: it asked to wait, and found no place


class PiecewiseResponse(Response):
    """A response that is sent in pieces: a slow reader holds one piece, not a copy of all.

    `while_sent` is entered meanwhile.
    """

    while_sent: AbstractContextManager[object] = nullcontext()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        with self.while_sent:
            await self._send(send)

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        for begin in range(0, len(self.body) or 1, PIECE_BYTES):
            end = begin + PIECE_BYTES
            more = end < len(self.body)
            piece = bytes(self.body[begin:end])
            await send({"type": "http.response.body", "body": piece, "more_body": more})


def as_json(body: BaseModel, status: int = 200, *, exclude_none: bool = False) -> Response:
    """Return a response with the model as its body."""
    return Response(body.model_dump_json(exclude_none=exclude_none), status, media_type=JSON)


def as_json_list(members: Sequence[BaseModel]) -> Response:
    """Return a response with the models as its body."""
    content = ",".join(member.model_dump_json() for member in members)
    return Response(f"[{content}]", media_type=JSON)


def cacheable(
    request: Request, content: bytes, *, etag: str = "", max_age: int = 0, media_type: str = JSON
) -> Response:
    """Return the content with an ETag, or 304 to a client that has it (RFC 9110 section 13.1.2).

    Without an `etag` it is the content's digest. `max_age` is in seconds; 0 means: ask each time.
    """
    lifetime = f"public, max-age={max_age}" if max_age else "no-cache"
    headers = {"ETag": etag or etag_of(sha256(content).hexdigest()), "Cache-Control": lifetime}
    if _has_current(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return PiecewiseResponse(content, media_type=media_type, headers=headers)


def etag_of(digest: str) -> str:
    return f'"{digest[:32]}"'


def _has_current(request: Request, etag: str) -> bool:
    header = request.headers.get("if-none-match", "")[:MAX_ETAGS_CHARACTERS]
    given = [tag.strip() for tag in header.split(",")]
    return "*" in given or etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in given]
