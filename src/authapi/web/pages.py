"""Pages that a site renders itself, beside a mounted authapi: who asks, or off to the log-in.

    auth = create_app(settings)
    app.mount("/auth", auth)
    pages = Pages(auth, login="/login")

    @app.get("/dashboard")
    async def dashboard(reader: Annotated[Claims, Depends(pages.subject)]) -> HTMLResponse: ...

  without a credential                  answer
  a page request (Accept: text/html)    303 to the log-in page, with ?next=
  any other                             401, as authapi itself

A form that changes something carries the session's CSRF token in a field `csrf_token`.
"""

from typing import Annotated
from urllib.parse import parse_qsl, quote, unquote

from fastapi import Depends, FastAPI, HTTPException
from starlette.requests import Request

from authapi.errors import InvalidToken, NoCredential, Refusal
from authapi.verifier import Claims
from authapi.web.authentication import authenticate
from authapi.web.csrf import HEADER, SAFE_METHODS
from authapi.web.in_process import Answer, ask
from authapi.web.parts import Parts
from authapi.web.strict_json import StrictRequest

URL_ENCODED = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a URL-encoded form of at most 64 KiB; none for another body."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != URL_ENCODED:
        return {}
    try:
        body = await StrictRequest(request.scope, request.receive).body()
    except Refusal as refusal:
        raise _as_exception(refusal) from refusal
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


Form = Annotated[dict[str, str], Depends(read_form)]


class Pages:
    """`auth` is create_app's; `login` is the path of the site's log-in page."""

    def __init__(self, auth: FastAPI, login: str = "/login") -> None:
        self._auth = auth
        self._login = login

    async def subject(self, request: Request, form: Form) -> Claims:
        """A dependency: whoever asks, by any transport. Raises HTTPException."""
        headers = request.scope["headers"]
        if "csrf_token" in form and HEADER not in request.headers:
            headers = [*headers, (HEADER.encode(), form["csrf_token"].encode())]
        gate = self._auth.state.start_gate
        if not gate.is_open:
            await gate.open()
        try:
            return await authenticate(
                Request({**request.scope, "headers": headers, "app": self._auth})
            )
        except Refusal as refusal:
            if isinstance(refusal, NoCredential | InvalidToken) and _is_for_a_person(request):
                raise self._log_in_first(request) from refusal
            raise _as_exception(refusal) from refusal

    def csrf_token(self, claims: Claims) -> str:
        """For the field `csrf_token` of the page's forms."""
        parts: Parts = self._auth.state.parts
        return parts.csrf.make(claims.sid)

    async def ask(
        self, request: Request, method: str, path: str, body: object = None, csrf_token: str = ""
    ) -> Answer:
        """A route of authapi, asked by `request`'s browser: with its cookies, address, origin."""
        return await ask(self._auth, request, method, path, body, csrf_token)

    def _log_in_first(self, request: Request) -> HTTPException:
        location = self._login
        if request.method in SAFE_METHODS:
            query = f"?{request.url.query}" if request.url.query else ""
            location += f"?next={quote(request.url.path + query, safe='/')}"
        return HTTPException(303, headers={"Location": location, "Cache-Control": "no-store"})


def safe_next(given: str | None, default: str = "/") -> str:
    """Where to go after a log-in: `given` where it is a path of this site, else `default`.

    A browser drops tabs and line ends from an address and reads a backslash as a slash, and some
    proxies decode what is percent-encoded: neither may lead to another host.
    """
    if not given or not given.isascii():
        return default
    path = unquote(given.partition("?")[0].partition("#")[0])
    is_whole = all("!" <= character <= "~" for character in given)
    is_plain = path.isprintable() and "\\" not in given + path
    is_path = path.startswith("/") and not path.startswith("//")
    return given if given[0] == "/" and is_whole and is_plain and is_path else default


def _is_for_a_person(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _as_exception(refusal: Refusal) -> HTTPException:
    body = {"error": refusal.code, "error_description": refusal.description}
    return HTTPException(refusal.status, body, dict(refusal.headers))
