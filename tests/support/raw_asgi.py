"""Requests that httpx would not send, as a server hands them to the application."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi import FastAPI
from starlette.types import Message

Headers = Sequence[tuple[str, str]]


@dataclass
class RawAnswer:
    """The response, and how many chunks of the request's body the application had read."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    chunks_read: int = 0


def send_raw(
    app: FastAPI,
    method: str,
    path: str,
    headers: Headers = (),
    chunks: Sequence[bytes] = (b"",),
    *,
    query: bytes = b"",
    disconnects: bool = False,
) -> RawAnswer:
    """Send a request; with `disconnects`, the client goes away after its last chunk."""
    answer = RawAnswer()

    async def receive() -> Message:
        if answer.chunks_read == len(chunks):
            return {"type": "http.disconnect"}
        chunk = chunks[answer.chunks_read]
        answer.chunks_read += 1
        more = disconnects or answer.chunks_read < len(chunks)
        return {"type": "http.request", "body": chunk, "more_body": more}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    scope = {**_scope(method, path, headers), "query_string": query}
    asyncio.run(app(scope, receive, send))
    return answer


def _scope(method: str, path: str, headers: Headers) -> dict[str, object]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("192.0.2.1", 50_000),
        "server": ("testserver", 80),
    }
