"""A refusal as bytes, for what is refused before it is a request."""

from email.utils import formatdate
from secrets import token_hex

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from authapi.config import Settings
from authapi.errors import Refusal
from authapi.web.error_handlers import as_response
from authapi.web.middleware.headers import common_headers


def as_bytes(refusal: Refusal, settings: Settings, *, with_content: bool = True) -> bytes:
    """Return the whole response, with the headers of every response, that ends a connection."""
    response = as_response(refusal)
    headers = {name.decode().title(): value.decode() for name, value in response.raw_headers}
    headers |= {
        "X-Request-ID": token_hex(8),
        "Connection": "close",
        "Date": formatdate(usegmt=True),
    }
    headers |= common_headers(settings)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    content = bytes(response.body) if with_content else b""  # RFC 9110 section 9.3.2
    return STATUS_LINE[refusal.status] + lines.encode() + b"\r\n" + content
