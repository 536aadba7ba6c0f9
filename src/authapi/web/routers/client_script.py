"""GET /client.js: the browser client of clients/js, of the same release as the server."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from authapi.web.responses import etag_of, has_current

router = APIRouter(include_in_schema=False)

_WEB = Path(__file__).resolve().parents[1]


@router.get("/client.js")
def client_script(request: Request) -> Response:
    """Asked for again each time, mostly answered 304: a page never runs an old release's client."""
    script = _load()
    headers = {"ETag": etag_of(script), "Cache-Control": "no-cache"}
    if has_current(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(script, media_type="text/javascript", headers=headers)


@cache
def _load() -> bytes:
    installed = _WEB / "client.js"  # in the wheel; a clone has it in clients/
    in_clone = _WEB.parents[2] / "clients" / "js" / "authapi.js"
    return (installed if installed.is_file() else in_clone).read_bytes()
