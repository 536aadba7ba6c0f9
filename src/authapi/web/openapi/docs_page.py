"""GET /docs: Swagger UI from installed files. The browser asks no other server.

The page has no inline script, so its policy can forbid all but our own files. Addresses are
relative to it: they hold wherever the app is mounted.
"""

import json
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from authapi.errors import NotFound
from authapi.web.responses import cacheable

# Swagger UI sets style attributes and draws icons from data: URLs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'"
)
_HERE = Path(__file__).parent
CACHE_FOREVER = "public, max-age=31536000, immutable"
MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
    "start.js": "text/javascript",
}


def docs_router() -> APIRouter:
    """Return the routes of the document, the page and its four files, outside the document."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/openapi.json", document, methods=["GET"])
    router.add_api_route("/docs", page, methods=["GET"])
    router.add_api_route("/docs/{name}", asset, methods=["GET"])
    return router


def document(request: Request) -> Response:
    """Return the OpenAPI document. It is written once: FastAPI would take 2.5 ms each time."""
    state = request.app.state
    if not hasattr(state, "openapi_document"):
        state.openapi_document = json.dumps(request.app.openapi(), separators=(",", ":")).encode()
    return cacheable(request, state.openapi_document)


def page() -> HTMLResponse:
    html = (_HERE / "page.html").read_text(encoding="utf-8")
    for name in MEDIA_TYPES:
        html = html.replace(name, f"{name}?v={version(name)}")
    return HTMLResponse(
        html, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    )


def asset(name: str) -> Response:
    """Return one of the page's files. Raises NotFound for any other name."""
    if name not in MEDIA_TYPES:
        raise NotFound
    headers = {"Cache-Control": CACHE_FOREVER, "ETag": f'"{version(name)}"'}
    return Response(load(name), headers=headers, media_type=MEDIA_TYPES[name])


@cache
def load(name: str) -> bytes:
    """Return a file of the page. It is read once."""
    folder = _HERE if name == "start.js" else _installed_folder()
    return (folder / name).read_bytes()


@cache
def version(name: str) -> str:
    """Return a file's digest. It is in the address, so that caches may keep the file."""
    return sha256(load(name)).hexdigest()[:16]


def _installed_folder() -> Path:
    # Found, not imported: the package would bring a FastAPI application of its own.
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("fastapi-offline, which holds the files of /docs, is not installed")
    return Path(spec.origin).parent / "static"
