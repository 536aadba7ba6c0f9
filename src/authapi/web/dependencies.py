"""The dependencies of routes. Only an access by transport `session` does I/O."""

import re
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError

from authapi.services.accounts.devices import Device
from authapi.verifier import Claims
from authapi.web.credentials.authentication import authenticate
from authapi.web.middleware.proxies import FROM_PROXY
from authapi.web.runtime import Runtime, runtime_of

USER_AGENT_LENGTH = 256
MOST_LISTED, USUALLY_LISTED = 100, 50
WHOLE_NUMBER = re.compile("-?[0-9]{1,9}")


def _require_digits(text: str) -> str:
    # pydantic takes `1_0` for 10, and `1.0` for 1.
    if not WHOLE_NUMBER.fullmatch(text):
        raise PydanticKnownError("int_parsing")
    return text


Limit = Annotated[
    int,
    # Before the validator: else pydantic writes no `minimum` into the document.
    Query(ge=1, le=MOST_LISTED, description="The most entries of the page."),
    BeforeValidator(_require_digits),
]


async def runtime(request: Request) -> Runtime:
    return runtime_of(request)


async def paging(
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Limit = USUALLY_LISTED,
) -> tuple[str | None, int]:
    """Return the cursor and the limit of the query."""
    return cursor, limit


async def device(request: Request) -> Device:
    return device_of(request)


def device_of(request: Request) -> Device:
    """Return the sender's address, from a trusted proxy if there is one, and its user agent."""
    agent = request.headers.get("user-agent", "")[:USER_AGENT_LENGTH]
    printable = "".join(character for character in agent if character.isprintable())
    address = request.client.host if request.client else ""
    is_forwarded = "x-forwarded-for" in request.headers and not request.scope.get(FROM_PROXY)
    runtime_of(request).presence.traffic.note(address, is_forwarded=is_forwarded)
    return Device(address, printable or None)


def locale_of(request: Request, wanted: str | None) -> str:
    """Return the language for mails: of the body, else the browser's."""
    languages = runtime_of(request).mails.languages
    return languages.choose(wanted, request.headers.get("accept-language", ""))


class AccessToken(HTTPBearer):
    """FastAPI's scheme for the OpenAPI document, and our reading of the header."""

    async def __call__(self, request: Request) -> Claims:  # type: ignore[override]
        return await authenticate(request)


access_token = AccessToken(
    scheme_name="accessToken",
    bearerFormat="JWT",
    description="The `access_token` that `POST /login` or `POST /refresh` answered.",
)


# Read by the route: FastAPI's own way to a header costs as much as the signature of a new token.
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "16 to 128 visible ASCII characters, random, new for each refresh token. "
    "Repeat it to be given the same answer again.",
    "schema": {"type": "string", "minLength": 16, "maxLength": 128},
}

AppRuntime = Annotated[Runtime, Depends(runtime)]
CurrentSubject = Annotated[Claims, Security(access_token)]
FromDevice = Annotated[Device, Depends(device)]
Paging = Annotated[tuple[str | None, int], Depends(paging)]
