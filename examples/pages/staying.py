"""Transport `cookie` without a script: the site exchanges the refresh token for its visitors.

A browser drops the access cookie at its end. A request then has the refresh cookie alone:

| the request                                   | then                                            |
| --------------------------------------------- | ----------------------------------------------- |
| has no access cookie, but the refresh cookie  | the site refreshes, and goes on with the answer |
| is refused by that (ended, or a replay)       | the session is logged out: the log-in page      |
| came from another site                        | browsers keep a Strict cookie back, so the page |
|                                               | loads itself once more, now from this site      |

The key that makes a refresh safe to repeat (docs/refresh.md) is a cookie beside the refresh token.
It is no credential. A new one is set with each new token.
"""

import secrets
from http.cookies import SimpleCookie

from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authapi.web.site import Pages

# Over https authapi's cookies are __Host-Http-access and __Host-Http-refresh.
ACCESS, REFRESH, KEY = "authapi-access", "authapi-refresh", "site-refresh-key"
SAME_ADDRESS = '<!doctype html><meta http-equiv="refresh" content="0"><title>One moment</title>'
KEY_SECONDS = 30 * 24 * 3600  # a session lives no longer (AUTHAPI_SESSION_TTL)
NO_PAGES = ("/auth/", "/static/")
NO_STORE = {"Cache-Control": "no-store"}


def set_key(response: Response, *, secure: bool = False) -> None:
    """Set a new key. Do it wherever authapi sets a new refresh token."""
    key = secrets.token_urlsafe()
    response.set_cookie(KEY, key, KEY_SECONDS, httponly=True, samesite="strict", secure=secure)


class StayLoggedIn:
    """Middleware around the pages."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and not scope["path"].startswith(NO_PAGES)
        cookies = Request(scope).cookies if is_page else {}
        if is_page and ACCESS not in cookies and REFRESH in cookies:
            given = await self._refresh(Request(scope))
            await self._app(with_cookies(scope, given), receive, adding(send, given))
        elif is_page and ACCESS not in cookies and is_link_of_another_site(Request(scope)):
            await HTMLResponse(SAME_ADDRESS, headers=NO_STORE)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _refresh(self, request: Request) -> Response:
        """Return a response that has the new cookies. It has none where the session has ended."""
        given = Response()
        told = await self._pages.ask(request, "GET", "/csrf")
        if told.status != 200:
            return given
        csrf_token = told.json["csrf_token"]
        for key in (request.cookies.get(KEY, ""), secrets.token_urlsafe()):
            answer = await self._pages.ask(
                with_key(request, key), "POST", "/refresh", csrf_token=csrf_token
            )
            if answer.status != 400:  # the key's own answer was lost: once more, with a new key
                break
        if answer.status == 200:
            answer.hand_cookies_to(given)
            if answer.json["rotated"]:
                set_key(given)
        elif answer.status == 401:  # if a thief was faster, this ends the thief's session
            answer = await self._pages.ask(request, "POST", "/logout", csrf_token=csrf_token)
            answer.hand_cookies_to(given)
        return given


def is_link_of_another_site(request: Request) -> bool:
    navigation = ("GET", "cross-site", "navigate")
    names = ("sec-fetch-site", "sec-fetch-mode")
    return (request.method, *map(request.headers.get, names)) == navigation


def with_key(request: Request, key: str) -> Request:
    headers = [pair for pair in request.scope["headers"] if pair[0] != b"idempotency-key"]
    more = [(b"idempotency-key", key.encode())] if key else []
    return Request({**request.scope, "headers": [*headers, *more]})


def with_cookies(scope: Scope, given: Response) -> Scope:
    """Return the request as the browser would send it with the cookies that it is given."""
    cookies = Request(scope).cookies
    for line in given.headers.getlist("set-cookie"):
        cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    others = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
    return {**scope, "headers": [*others, (b"cookie", header.encode())]}


def adding(send: Send, given: Response) -> Send:
    """Add the cookies to an answer, in front of its own: a log-out's come later, and win."""
    lines = [(b"set-cookie", line.encode()) for line in given.headers.getlist("set-cookie")]

    async def send_with_cookies(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*lines, *Headers(raw=list(message["headers"])).raw]}
        await send(message)

    return send_with_cookies
