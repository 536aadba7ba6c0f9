"""What a head must be, beyond what the parser refuses."""

import re

from httptools import HttpRequestParser

from authapi.errors import BadRequest

HOST = re.compile(rb"[\w.~!$&'()*+;=:\[\]%-]*")  # RFC 9110 section 7.2, without the comma

Headers = list[tuple[bytes, bytes]]


def head_bytes(target: bytes, headers: Headers) -> int:
    """Return the size of a head, without its method and version."""
    return len(target) + sum(len(name) + len(value) + 4 for name, value in headers)


def require_host(headers: Headers, version: str) -> None:
    """Raises BadRequest without one `Host`, which HTTP/1.0 may leave out (RFC 9112 section 3.2)."""
    hosts = [value for name, value in headers if name == b"host"]
    if not hosts and version == "1.0":
        return
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
        raise BadRequest("The request has to name one host.")


def require_no_tunnel(method: bytes) -> None:
    """Raises BadRequest for CONNECT: this is no proxy."""
    if method == b"CONNECT":
        raise BadRequest("This is no proxy.")


def without_upgrade(parser: HttpRequestParser, target: bytes, headers: Headers) -> bytes:
    """Return the head as the client sent it, but for `Upgrade`."""
    version = parser.get_http_version().encode()
    lines = [b"%b %b HTTP/%b" % (parser.get_method(), target, version)]
    lines += [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join(lines) + b"\r\n\r\n"
