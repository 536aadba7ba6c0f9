"""Tell a site that renders its own pages, beside a mounted authapi, who is asking.

    auth = Authapi(settings)
    auth.mount(app, "/auth")
    pages = Pages(auth, login="/login")

    @app.get("/dashboard")
    async def dashboard(reader: Annotated[Claims, Depends(pages.subject)]) -> HTMLResponse: ...

  without a credential                  answer
  a page request (Accept: text/html)    303 to the log-in page, with ?next=
  any other request                     401, as authapi itself

A form that changes something must carry the session's CSRF token in a field `csrf_token`.
"""

import json
from dataclasses import dataclass, field
from string import punctuation
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qsl, quote, unquote

import httpx
from fastapi import Depends, FastAPI, HTTPException
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from authapi.errors import InvalidToken, NotFound, Refusal
from authapi.verifier import Claims
from authapi.web.bodies import StrictRequest
from authapi.web.credentials.authentication import authenticate
from authapi.web.credentials.csrf import HEADER, SAFE_METHODS
from authapi.web.runtime import Runtime

URL_ENCODED = "application/x-www-form-urlencoded"
# They describe the browser's body. Ours is another.
BODY_HEADERS = (b"content-type", b"content-length", b"transfer-encoding", b"expect")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of authapi: its status, its JSON, the cookies that it sets."""

    status: int
    headers: Headers
    content: bytes = field(repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401
        """Return the body, or None without one."""
        return json.loads(self.content) if self.content else None

    def hand_cookies_to(self, response: Response) -> None:
        """Set on the site's own response the cookies that authapi sets."""
        for cookie in self.headers.getlist("set-cookie"):
            response.headers.append("Set-Cookie", cookie)


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form of at most 64 KiB; none for another body."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != URL_ENCODED:
        return {}
    try:
        body = await StrictRequest(request.scope, request.receive).body()
    except Refusal as refusal:
        raise _as_exception(refusal) from refusal
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


Form = Annotated[dict[str, str], Depends(read_form)]


class Mounted(Protocol):
    """An Authapi, of authapi.embedded. In a test it runs another application."""

    @property
    def app(self) -> FastAPI: ...


class Pages:
    """`auth` is an Authapi, or what create_app returned.

    `login` is the path of the site's log-in page.
    """

    def __init__(self, auth: FastAPI | Mounted, login: str = "/login") -> None:
        self._given = auth
        self._login = login

    @property
    def _auth(self) -> FastAPI:
        return self._given if isinstance(self._given, FastAPI) else self._given.app

    async def subject(self, request: Request, form: Form) -> Claims:
        """As a dependency, return the claims of the request's user. Raises HTTPException.

        A mounted application has no start-up of its own: the first page may have to start it.
        """
        headers = request.scope["headers"]
        if "csrf_token" in form and HEADER not in request.headers:
            headers = [*headers, (HEADER.encode(), form["csrf_token"].encode())]
        gate = self._auth.state.start_gate
        if not gate.is_open:
            await gate.open()
        try:
            scope = {**request.scope, "headers": headers, "app": self._auth}
            return await authenticate(Request(scope))
        except Refusal as refusal:
            wants_a_page = "text/html" in request.headers.get("accept", "")
            if isinstance(refusal, InvalidToken) and wants_a_page:
                raise self._log_in_first(request) from refusal
            raise _as_exception(refusal) from refusal

    def csrf_token(self, claims: Claims) -> str:
        """Return the value of the field `csrf_token` for the page's forms."""
        runtime: Runtime = self._auth.state.runtime
        return runtime.csrf.make(claims.sid)

    async def ask(
        self, request: Request, method: str, path: str, body: object = None, csrf_token: str = ""
    ) -> Answer:
        """Send a request to authapi with the cookies, address and origin of `request`'s browser.

        All of authapi's rules hold: limits by the address, foreign origins, CSRF.
        """
        headers = [pair for pair in request.scope["headers"] if pair[0] not in BODY_HEADERS]
        if body is not None:
            headers.append((b"content-type", b"application/json"))
        if csrf_token:
            headers.append((HEADER.encode(), csrf_token.encode()))
        # httpx would resolve dot segments, and so send the request to another route.
        target = quote(path).replace(".", "%2E")
        url = f"{request.scope.get('scheme', 'http')}://authapi{target}"
        content = None if body is None else json.dumps(body)
        try:
            question = httpx.Request(method, url, headers=headers, content=content)
        except httpx.InvalidURL:  # longer than httpx takes, and than any route of authapi
            return Answer(NotFound.status, Headers(), b"")
        transport = httpx.ASGITransport(self._auth, client=request.client or ("", 0))
        answer = await transport.handle_async_request(question)
        return Answer(answer.status_code, Headers(raw=answer.headers.raw), await answer.aread())

    def _log_in_first(self, request: Request) -> HTTPException:
        location = self._login
        if request.method in SAFE_METHODS:
            target = quote(request.scope["path"])
            if query := request.scope["query_string"]:
                target += f"?{quote(query, safe=punctuation)}"  # clients send any bytes in a query
            location += f"?next={quote(target, safe='/')}"
        return HTTPException(303, headers={"Location": location, "Cache-Control": "no-store"})


def safe_next(given: str | None, default: str = "/") -> str:
    """Return the target after a log-in: `given` if it is a path of this site, else `default`.

    Browsers drop tabs and line ends from an address, and read a backslash as a slash. Some proxies
    decode what is percent-encoded. None of this may lead to another host.
    """
    if not given or not given.isascii():
        return default
    path = unquote(given.partition("?")[0].partition("#")[0])
    is_whole = all("!" <= character <= "~" for character in given)
    is_plain = path.isprintable() and "\\" not in given + path
    is_path = path.startswith("/") and not path.startswith("//")
    return given if given[0] == "/" and is_whole and is_plain and is_path else default


def _as_exception(refusal: Refusal) -> HTTPException:
    body = {"error": refusal.code, "error_description": refusal.description}
    return HTTPException(refusal.status, body, dict(refusal.headers))
