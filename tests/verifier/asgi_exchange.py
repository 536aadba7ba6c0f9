"""One exchange with an ASGI application, its scope as a server would make it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from authapi.verifier.asgi import ASGIApp, Message


@dataclass
class Exchange:
    messages: list[Message] = field(default_factory=list)
    scope: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def document(self) -> Any:
        return json.loads(b"".join(one.get("body", b"") for one in self.messages[1:]))


def ask(
    app: ASGIApp,
    target: str = "/",
    bearer: Mapping[str, str] | None = None,
    *,
    kind: str = "http",
    method: str = "GET",
    **scope: object,
) -> Exchange:
    """The target is percent-encoded, as in the request line; a test may give any other `scope`."""
    headers = [(key.lower().encode(), value.encode()) for key, value in (bearer or {}).items()]
    exchange = Exchange()
    exchange.scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http" if kind == "http" else "ws",
        "path": unquote(target),
        "raw_path": target.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.1", 50_000),
        "server": ("testserver", 80),
        "extensions": {},
        **({"method": method} if kind == "http" else {"subprotocols": []}),
        **scope,
    }
    received: list[Message] = [
        {"type": "http.request", "body": b"", "more_body": False}
        if kind == "http"
        else {"type": "websocket.connect"}
    ]

    async def receive() -> Message:
        return received.pop() if received else {"type": f"{kind}.disconnect"}

    async def send(message: Message) -> None:
        exchange.messages.append(message)

    asyncio.run(_run(app, exchange.scope, receive, send))
    return exchange


async def _run(app: ASGIApp, *arguments: Any) -> None:
    await app(*arguments)
