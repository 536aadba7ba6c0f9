"""CORS: which other origins' scripts may call us, with credentials (docs/browsers.md)."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authapi.errors import OriginNotAllowed
from authapi.tally import Tally
from authapi.web.error_handlers import METHODS, as_response
from authapi.web.middleware.verify import is_verify_request

ALLOWED_HEADERS = (
    *("Authorization", "Content-Type", "X-CSRF-Token", "Idempotency-Key", "DPoP"),
    # What tools add to each request of a page. A preflight for another header fails the request.
    *("X-Requested-With", "X-Request-ID", "traceparent", "tracestate", "baggage", "sentry-trace"),
)
EXPOSED_HEADERS = ("WWW-Authenticate", "Retry-After", "X-Request-ID")
PREFLIGHT_MAX_AGE_SECONDS = 600


class Cors(CORSMiddleware):
    """Starlette's CORS middleware, with our error bodies and `Vary: Origin` on every answer.

    Without `Vary` a cache could give one origin the answer that was made for another.
    """

    def __init__(self, app: ASGIApp, origins: tuple[str, ...], refusals: Tally) -> None:
        self._refusals = refusals
        super().__init__(
            app,
            allow_origins=origins,
            allow_credentials=True,
            allow_methods=METHODS,
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=PREFLIGHT_MAX_AGE_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "origin" not in headers.get("vary", "").lower():
                    headers.add_vary_header("Origin")
            await send(message)

        if is_verify_request(scope):
            # A 204 for a preflight would tell the proxy that the credential is good.
            await self.simple_response(scope, receive, send_varying, Headers(scope=scope))
        else:
            await super().__call__(scope, receive, send_varying)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code != 200:
            self._refusals.add(OriginNotAllowed.__name__)
            return as_response(OriginNotAllowed())
        del response.headers["content-length"], response.headers["content-type"]
        return Response(status_code=204, headers=response.headers)
