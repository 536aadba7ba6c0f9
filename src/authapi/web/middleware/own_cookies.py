"""Leave out the cookies of others where a request has very many (docs/security.md)."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from authapi.web.credentials.cookies import Cookies


class OwnCookies:
    """Pure ASGI."""

    def __init__(self, app: ASGIApp, cookies: Cookies) -> None:
        self._app, self._cookies = app, cookies

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            scope = self._cookies.without_others(scope)
        return self._app(scope, receive, send)
