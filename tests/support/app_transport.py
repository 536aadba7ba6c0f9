"""httpx without a socket: requests go straight to the application, from synchronous tests."""

from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI


class AppTransport(httpx.BaseTransport):
    """A synchronous transport. Several threads may use it at once."""

    def __init__(self, app: FastAPI, client: tuple[str, int]) -> None:
        self._portal_context = start_blocking_portal()
        self._portal = self._portal_context.__enter__()
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False, client=client)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._exchange, request)

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        content = request.read()
        whole = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=content,
            extensions=request.extensions,
        )
        response = await self._inner.handle_async_request(whole)
        body = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    def close(self) -> None:
        self._portal_context.__exit__(None, None, None)


class AppClient(httpx.Client):
    """A client that keeps no cookies: a test says which ones it sends."""

    def __init__(
        self, app: FastAPI, *, address: str = "192.0.2.1", base_url: str = "http://testserver"
    ) -> None:
        self.app = app
        transport = AppTransport(app, (address, 50_000))
        super().__init__(transport=transport, base_url=base_url, follow_redirects=False)
        self.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))


def raw_headers(*pairs: tuple[str, str]) -> Any:
    """Return headers that may repeat a name."""
    return httpx.Headers(list(pairs))
