"""GET /client.js: the modules of clients/js as one, of the server's release."""

import re
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from authapi.web.responses import cacheable

router = APIRouter(include_in_schema=False)

# Each imports only what stands before it. The last one exports what a page gets.
MODULES = (
    *("addresses.js", "answers.js", "keeping.js", "passkeys.js", "stepping.js"),
    "authapi.js",
)
IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
INNER = re.compile(r"^import .*;\n|^export (?=\w)", re.MULTILINE)

_WEB = Path(__file__).resolve().parents[1]


@router.get("/client.js")
def client_script(request: Request) -> Response:
    # A browser asks for it each time, so that no page runs the client of an old release.
    return cacheable(request, _load(), media_type="text/javascript")


@cache
def _load() -> bytes:
    installed = _WEB / "client"  # in the wheel; a clone has it in clients/
    folder = installed if installed.is_dir() else _WEB.parents[2] / "clients" / "js"
    *inner, last = [(folder / name).read_text(encoding="utf-8") for name in MODULES]
    # One file is one request, and two releases are never mixed.
    return "\n".join([*(INNER.sub("", module) for module in inner), IMPORT.sub("", last)]).encode()
