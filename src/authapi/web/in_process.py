"""A request to authapi that a page's server makes for its browser, without a socket between."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from authapi.web.csrf import HEADER

KEPT = ("asgi", "http_version", "scheme", "server", "client")
OF_THE_BODY = (b"content-type", b"content-length", b"transfer-encoding", b"expect")


@dataclass(slots=True)
class Answer:
    """Of authapi: its status, its JSON, the cookies that it sets."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    content: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body; None without one."""
        return json.loads(self.content) if self.content else None

    def hand_cookies_to(self, response: Response) -> None:
        for cookie in self.headers.getlist("set-cookie"):
            response.headers.append("Set-Cookie", cookie)


async def ask(
    auth: FastAPI, request: Request, method: str, path: str, body: object, csrf_token: str
) -> Answer:
    """All of authapi's rules hold: limits by the browser's address, foreign origins, CSRF."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = [pair for pair in request.scope["headers"] if pair[0] not in OF_THE_BODY]
    if content:
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
    if csrf_token:
        headers.append((HEADER.encode(), csrf_token.encode()))
    scope = {
        **{name: request.scope[name] for name in KEPT if name in request.scope},
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": quote(path).encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
    }
    answer = Answer()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = Headers(raw=message["headers"])
        else:
            answer.content += message.get("body", b"")

    await auth(scope, receive, send)
    return answer
