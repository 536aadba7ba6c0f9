"""A span for each request, but for those that machines repeat: these only within a proxy's trace.

`traceparent` (W3C Trace Context) counts from a trusted proxy alone, as X-Request-ID does. A
stranger must not choose which requests are traced, and into which trace they go.
"""

from collections.abc import Awaitable

from opentelemetry.trace import StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authapi.tracing import traces
from authapi.web.logged_path import is_repeated
from authapi.web.metrics.requests import METHODS, Requests
from authapi.web.middleware.proxies import FROM_PROXY

LONGEST_TRACEPARENT = 128


class Tracing:
    """Pure ASGI. It stands outside the middleware that logs: the line has the trace's id."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app, self._requests = app, requests

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        traceparent = _traceparent(scope) if FROM_PROXY in scope else None
        if traceparent is None and (scope["type"] != "http" or is_repeated(scope)):
            return self._app(scope, receive, send)
        return self._traced(scope, receive, send, traceparent)

    async def _traced(
        self, scope: Scope, receive: Receive, send: Send, traceparent: str | None
    ) -> None:
        name = self._requests.name(scope)
        method = scope["method"] if scope["method"] in (*METHODS, "HEAD", "OPTIONS") else "_OTHER"
        attributes = {"http.request.method": method, "http.route": name.rpartition(" ")[2]}
        with traces.root(name, attributes, traceparent) as span:

            async def send_and_note(message: Message) -> None:
                if span is not None and message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_attribute("error.type", str(message["status"]))
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await self._app(scope, receive, send if span is None else send_and_note)


def _traceparent(scope: Scope) -> str | None:
    """Return the one `traceparent` of the request. Of two, one may be the client's."""
    if not scope[FROM_PROXY] or scope["type"] != "http":
        return None
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    is_one = len(found) == 1 and len(found[0]) <= LONGEST_TRACEPARENT
    return found[0].decode("latin-1") if is_one else None
