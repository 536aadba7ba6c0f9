"""Believe what a reverse proxy says of a request, if the proxy is one of TRUSTED_PROXIES."""

from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

FROM_PROXY = "authapi.from_trusted_proxy"
METHOD_HEADERS = ("x-forwarded-method", "x-original-method")
UNKNOWN_METHOD = "UNKNOWN"
REQUIRE = b"x-auth-require-"


class TrustedProxies:
    """uvicorn's middleware: it replaces the proxy's address by the client's.

    Before that we note in the scope whether the proxy is a trusted one.
    """

    def __init__(self, app: Any, trusted_hosts: list[str]) -> None:  # noqa: ANN401 - an ASGI app
        self._middleware: Any = ProxyHeadersMiddleware(app, trusted_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client") or ("", 0)
        scope[FROM_PROXY] = peer[0] in self._middleware.trusted_hosts
        await self._middleware(scope, receive, send)


def ignored_method(request: Request) -> str:
    """Return a sentence where somebody who is no trusted proxy names the method, else ""."""
    named = [name for name in METHOD_HEADERS if name in request.headers]
    if request.scope.get(FROM_PROXY) or not named:
        return ""
    peer = request.client.host if request.client else "its sender"
    return f"{named[0].title()} was ignored, since {peer} is not in AUTHAPI_TRUSTED_PROXIES."


def required_by_proxy(scope: Scope) -> list[tuple[str, str]]:
    """Return each name and value of `X-Auth-Require-…`, named as in a query.

    Only a trusted proxy can say it.
    """
    if not scope.get(FROM_PROXY):
        return []
    return [
        (name.removeprefix(REQUIRE).decode("latin-1").replace("-", "_"), value.decode("latin-1"))
        for name, value in scope["headers"]
        if name.startswith(REQUIRE)
    ]


def original_method(request: Request) -> str:
    """Return the method of the request that a proxy asks about, or UNKNOWN_METHOD.

    Only a trusted proxy can say it. Two headers that differ say nothing: a proxy sets one of them,
    and hands on the other from the client.
    """
    if not request.scope.get(FROM_PROXY):
        return UNKNOWN_METHOD
    said = {method for name in METHOD_HEADERS for method in request.headers.getlist(name)}
    return (said.pop().upper() if len(said) == 1 else "") or UNKNOWN_METHOD
