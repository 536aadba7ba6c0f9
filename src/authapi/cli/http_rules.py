"""What a head must be, beyond what the parser refuses."""

import re

from httptools import HttpParserInvalidMethodError, HttpRequestParser

from authapi.errors import BadRequest, Refusal

HOST = re.compile(rb"[\w.~!$&'()*+;=:\[\]%-]*")  # RFC 9110 section 7.2, without the comma
# RFC 9112 section 3.2.2. A user in it is an error (RFC 9110 section 4.2.4).
ABSOLUTE_FORM = re.compile(
    rb"https?://(?:\[[\da-f:.]+\]|[\w.~%-]+)(?::\d*)?([/?].*)?", re.IGNORECASE
)

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


def require_chunked(headers: Headers) -> None:
    """Raises BadRequest for any `Transfer-Encoding` but `chunked`: its bytes are no content."""
    given = b",".join(value for name, value in headers if name == b"transfer-encoding")
    if given and given.lower().replace(b",", b" ").split() != [b"chunked"]:
        raise BadRequest("The only transfer coding that is known here is chunked.")


def origin_form(target: bytes) -> bytes:
    """Return path and query of a target: a client sends more to what it takes for a proxy.

    Raises BadRequest for one that names nothing here.
    """
    if target.startswith(b"/") or target == b"*":
        return target
    absolute = ABSOLUTE_FORM.fullmatch(target)
    if absolute is None:
        raise BadRequest("The target of the request has to be a path or an http URL.")
    rest = absolute[1] or b"/"
    return rest if rest.startswith(b"/") else b"/" + rest


def cause_of(error: Exception) -> Refusal:
    """Return the refusal for a request that the parser, or a callback of ours, did not take."""
    if isinstance(error.__context__, Refusal):
        return error.__context__
    if isinstance(error, HttpParserInvalidMethodError):
        return BadRequest("The method is unknown. Methods are written in capitals.")
    return BadRequest()


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
