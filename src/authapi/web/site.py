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

import json
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, unquote

from fastapi import Depends, FastAPI, HTTPException
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from authapi.errors import InvalidToken, NoCredential, Refusal
from authapi.verifier import Claims
from authapi.web.bodies import StrictRequest
from authapi.web.credentials.authentication import authenticate
from authapi.web.credentials.csrf import HEADER, SAFE_METHODS
from authapi.web.runtime import Runtime

KEPT = ("asgi", "http_version", "scheme", "server", "client")
OF_THE_BODY = (b"content-type", b"content-length", b"transfer-encoding", b"expect")


@dataclass(slots=True)
class Answer:
    """Of authapi: its status, its JSON, the cookies that it sets."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    content: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body; None without one."""
        return json.loads(self.content) if self.content else None

    def hand_cookies_to(self, response: Response) -> None:
        for cookie in self.headers.getlist("set-cookie"):
            response.headers.append("Set-Cookie", cookie)


async def ask(
    auth: FastAPI, request: Request, method: str, path: str, body: object, csrf_token: str
) -> Answer:
    """All of authapi's rules hold: limits by the browser's address, foreign origins, CSRF."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = [pair for pair in request.scope["headers"] if pair[0] not in OF_THE_BODY]
    if content:
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
    if csrf_token:
        headers.append((HEADER.encode(), csrf_token.encode()))
    scope = {
        **{name: request.scope[name] for name in KEPT if name in request.scope},
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": quote(path).encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
    }
    answer = Answer()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = Headers(raw=message["headers"])
        else:
            answer.content += message.get("body", b"")

    await auth(scope, receive, send)
    return answer


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
        runtime: Runtime = self._auth.state.runtime
        return runtime.csrf.make(claims.sid)

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
