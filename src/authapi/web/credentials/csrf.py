"""A request that changes state and is authenticated by a cookie must come from our own pages.

  it is foreign when                                                  answer
  its `Origin` is neither ours nor one of CORS_ORIGINS                403 csrf_failed
  it has no `Origin`, and `Sec-Fetch-Site` says cross-site            403 csrf_failed
  its `X-CSRF-Token` is not its own session's                         403 csrf_failed

A handshake for a WebSocket acts, whatever its method. No page can add a token to it, and every
browser adds an `Origin`:

  `Origin` is missing, or neither ours nor one of CORS_ORIGINS        403 csrf_failed

A cookie is sent by the browser, whoever wrote the page; a header is not (docs/transports.md).
"""

import re

from starlette.datastructures import Headers

from authapi.config import Settings
from authapi.crypto.csrf_tokens import CsrfTokens
from authapi.errors import CsrfFailed

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "x-csrf-token"
HANDSHAKE_ALONE = frozenset({b"sec-websocket-key", b"sec-websocket-version"})
WEBSOCKET_NAMED = frozenset({b"upgrade", b"sec-fetch-mode", b"sec-fetch-dest"})
MAX_PROTOCOLS_BYTES = 256
# What a refusal repeats of an Origin (RFC 6750 section 3 has no quotes in a description).
ORIGIN = re.compile(r"[\w.:/+ \[\]-]{1,200}", re.ASCII)
HANDSHAKE = "WebSocket handshake"  # stands for the method. No method has a space


def is_foreign(headers: Headers, settings: Settings) -> bool:
    """Return whether a page of another site sent the request."""
    origins = headers.getlist("origin")
    if not origins:
        return "cross-site" in headers.getlist("sec-fetch-site")
    return len(origins) > 1 or origins[0] not in (settings.public_origin, *settings.cors_origins)


def is_foreign_form(headers: Headers, settings: Settings) -> bool:
    """Return whether a page of another site sent the form of a page without a referrer.

    A browser writes `Origin: null` for such a page's own form, and most say where it came from.
    """
    if headers.getlist("origin") == ["null"]:
        return not {"same-origin", "none"}.issuperset(headers.getlist("sec-fetch-site"))
    return is_foreign(headers, settings)


def refuse_foreign(headers: Headers, settings: Settings) -> None:
    """Raise CsrfFailed for a request that a page of another site sent."""
    if is_foreign(headers, settings):
        raise _foreign(headers, settings)


def _foreign(headers: Headers, settings: Settings) -> CsrfFailed:
    """Return the refusal. It names both origins: in the answer too, if this machine is ours."""
    origin = " and ".join(headers.getlist("origin"))
    came = (
        f"from the origin '{origin}'" if ORIGIN.fullmatch(origin) else "without a readable Origin"
    )
    reason = (
        f"The request came {came}. AUTHAPI_PUBLIC_URL has the origin '{settings.public_origin}', "
        "and AUTHAPI_CORS_ORIGINS names all others that may send it."
    )
    return CsrfFailed(reason, reason if settings.is_local else None)


def is_handshake(headers: Headers) -> bool:
    """Return whether the request opens a WebSocket, as far as a proxy has handed that on.

    Only HTTP/1.1 has a key (RFC 6455 section 4.1, RFC 8441 section 5), and only some browsers say
    what they fetch.
    """
    # One pass over the bytes: `/verify` asks this of every request.
    return any(
        name in HANDSHAKE_ALONE or (name in WEBSOCKET_NAMED and _names_websocket(value))
        for name, value in headers.raw
    )


def _names_websocket(value: bytes) -> bool:
    if len(value) > MAX_PROTOCOLS_BYTES:
        return True  # no browser sends that, and a list of 60,000 names would take long to read
    protocols = (protocol.partition(b"/")[0] for protocol in value.lower().split(b","))
    return b"websocket" in map(bytes.strip, protocols)


def refuse_foreign_handshake(headers: Headers, settings: Settings) -> None:
    """Raise CsrfFailed for a handshake that no page of ours sent."""
    if "origin" not in headers or is_foreign(headers, settings):
        raise _foreign(headers, settings)


def has_csrf_token(headers: Headers, tokens: CsrfTokens, sid: str) -> bool:
    """Return whether the request has one X-CSRF-Token, the session's own."""
    given = headers.getlist(HEADER)
    return len(given) == 1 and tokens.is_of(sid, given[0])


def require_csrf_token(headers: Headers, tokens: CsrfTokens, sid: str) -> None:
    """Raise CsrfFailed unless the request has the session's token."""
    if not has_csrf_token(headers, tokens, sid):
        raise CsrfFailed("X-CSRF-Token is missing, or that of another session.")
