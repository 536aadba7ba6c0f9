"""Read bodies strictly: at most 64 KiB, JSON by name and by content, with one meaning."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from authapi.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from authapi.verifier.strict_json import RepeatedNameError, read_json

MAX_BODY_BYTES = 64 * 1024
NOT_JSON = "The body is not JSON in UTF-8."
# A field's name that is told. Anything else may be a password or a token in the wrong place.
FIELD_NAME = re.compile(r"[A-Za-z_][\w-]{0,39}", re.ASCII)


class StrictRequest(Request):
    async def body(self) -> bytes:
        """Return at most MAX_BODY_BYTES; a greater Content-Length is refused before any is read."""
        if not hasattr(self, "_body"):
            length = self.headers.get("content-length", "0")
            if not length.isdecimal() or int(length[:20]) > MAX_BODY_BYTES:
                raise PayloadTooLarge
            try:
                self._body = await self._read()
            except ClientDisconnect:
                # Nobody is left to read it: the log says what happened without a traceback.
                raise BadRequest("The body was cut off.") from None
        return self._body

    async def _read(self) -> bytes:
        body = bytearray()
        async for chunk in self.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise PayloadTooLarge
        return bytes(body)

    async def json(self) -> Any:  # noqa: ANN401
        """Return the value. Raises BadRequest if two parsers could read two (RFC 7493)."""
        try:
            return read_json(await self.body())
        except RepeatedNameError as error:
            known = FIELD_NAME.fullmatch(error.name)
            member = f"the member {error.name}" if known else "a member"
            raise BadRequest(f"The body has {member} twice.") from None
        except ValueError:
            raise BadRequest(NOT_JSON) from None


class StrictRoute(APIRoute):
    """A route whose body is JSON or nothing, so that a form of another site can't reach it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if await strict.body() and not _is_json(request):
                raise UnsupportedMediaType
            return await handle(strict)

        return handle_strictly


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0]
    return media_type.strip(" \t").lower() == "application/json"
