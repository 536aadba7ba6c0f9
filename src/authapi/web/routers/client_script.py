"""GET /client.js: the browser client of clients/js, of the server's release."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from authapi.web.responses import cacheable

router = APIRouter(include_in_schema=False)

_WEB = Path(__file__).resolve().parents[1]


@router.get("/client.js")
def client_script(request: Request) -> Response:
    # A browser asks for it each time, so that no page runs the client of an old release.
    return cacheable(request, _load(), media_type="text/javascript")


@cache
def _load() -> bytes:
    installed = _WEB / "client.js"  # in the wheel; a clone has it in clients/
    in_clone = _WEB.parents[2] / "clients" / "js" / "authapi.js"
    return (installed if installed.is_file() else in_clone).read_bytes()
