"""A refusal as bytes, for what is refused before it is a request."""

from secrets import token_hex

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from authapi.config import Settings
from authapi.errors import Refusal
from authapi.web.error_handlers import as_response
from authapi.web.middleware.headers import common_headers


def as_bytes(refusal: Refusal, settings: Settings) -> bytes:
    """Return the whole response, with the headers of every response, that ends a connection."""
    response = as_response(refusal)
    headers = {name.decode().title(): value.decode() for name, value in response.raw_headers}
    headers |= {"X-Request-ID": token_hex(8), "Connection": "close"}
    headers |= common_headers(settings)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[refusal.status] + lines.encode() + b"\r\n" + bytes(response.body)
