"""Answer a WebSocket's handshake at `/verify` as the request that it is.

A proxy may copy `Upgrade: websocket` into its question. `authapi serve` speaks no WebSocket, and
hands on a request. A server around a mounted application hands on a WebSocket instead.
"""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authapi.web.middleware.verify import is_verify_request

DENIAL = "websocket.http.response"  # ASGI's extension: an answer in the place of the handshake


class Handshakes:
    """Pure ASGI. It changes what is asked of `/verify` alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "websocket" or DENIAL not in (scope.get("extensions") or {}):
            return self._app(scope, receive, send)
        request = {**scope, "type": "http", "method": "GET"}
        if not is_verify_request(request):
            return self._app(scope, receive, send)

        async def send_denial(message: Message) -> None:
            content = {} if message["type"].endswith(".start") else {"body": b""}
            await send({**content, **message, "type": f"websocket.{message['type']}"})

        return self._app(request, receive, send_denial)
