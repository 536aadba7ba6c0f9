"""Give every response its request id and its security headers; count and log the request.

This stands outside unexpected_errors.py, so that a 500 has the headers too.
"""

from contextvars import ContextVar
from random import getrandbits
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from authapi.config import Settings
from authapi.logs import log
from authapi.web.even_time import note_begin
from authapi.web.logged_path import is_repeated, logged_path
from authapi.web.metrics.requests import Requests
from authapi.web.middleware.proxies import FROM_PROXY

# structlog puts it into every log line, by its name. Its own bind and reset take 1 us a request.
REQUEST_ID = ContextVar[str](f"{STRUCTLOG_KEY_PREFIX}request_id")

ID_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
MAX_ID_CHARACTERS = 64

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def common_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of every response, but for its request id."""
    if settings.is_https and settings.hsts:
        return HEADERS | {"Strict-Transport-Security": settings.hsts}
    return HEADERS


class CommonHeaders:
    """Pure ASGI. A header that the response has already is left alone."""

    def __init__(self, app: ASGIApp, headers: dict[str, str], requests: Requests | None) -> None:
        self._app, self._requests = app, requests
        # In ASGI's own form: Starlette's mapping would decode every header for each of these.
        self._headers = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
        self._names = frozenset(name for name, _ in self._headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        status = 0

        note_begin(scope)
        # RFC 9110 section 9.3.2: HEAD is GET without the content.
        is_head = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET"} if is_head else scope

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                present = {name for name, _ in headers}
                if self._names.isdisjoint(present):
                    headers += self._headers
                else:
                    headers += [pair for pair in self._headers if pair[0] not in present]
                message = {**message, "headers": headers}
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        started = perf_counter()
        token = REQUEST_ID.set(request_id)
        try:
            await self._app(inner, receive, send_with_headers)
            seconds = perf_counter() - started
            if self._requests is not None:
                self._requests.note(scope, status, seconds)
            _log_request(scope, status, seconds)
        finally:
            REQUEST_ID.reset(token)


def _request_id(scope: Scope) -> str:
    """Return a trusted proxy's id if a log can carry it, else a new one.

    Of two, one may be the client's: a proxy sets its own, and hands that one on.
    """
    if scope.get(FROM_PROXY):
        given = [value for name, value in scope["headers"] if name == b"x-request-id"]
        text = given[0][: MAX_ID_CHARACTERS + 1].decode("latin-1") if len(given) == 1 else ""
        if 0 < len(text) <= MAX_ID_CHARACTERS and ID_CHARACTERS.issuperset(text):
            return str(text)
    return f"{getrandbits(64):016x}"  # no secret, and `secrets` takes four times as long


def _log_request(scope: Scope, status: int, duration: float) -> None:
    if is_repeated(scope):
        return
    log.info(
        "request",
        method=scope["method"],
        path=logged_path(scope),
        status=status,
        ip=scope["client"][0] if scope.get("client") else None,
        duration_ms=round(duration * 1000, 2),
    )
