"""Where a credential is read, and how what a log-in or refresh gives is handed over.

  transport   access token            refresh token     and else
  bearer      Authorization, body     body
  hybrid      Authorization, body     refresh cookie    csrf_token
  cookie      access cookie           refresh cookie    csrf_token
  session                                               session cookie, csrf_token

A route never sees which one was used. A Bearer header outranks cookies; what a cookie holds is in
no body.
"""

from dataclasses import dataclass, field
from typing import Literal

from starlette.responses import Response
from starlette.types import Scope

from authapi.crypto.csrf_tokens import CsrfTokens
from authapi.errors import BadRequest, InvalidToken
from authapi.services.sessions.token_issue import SessionTicket, TokenPair
from authapi.web.cookies import CookieKind, Cookies, RepeatedCookieError
from authapi.web.schemas import TokenResponse

Transport = Literal["bearer", "hybrid", "cookie", "session"]
ACCESS_COOKIES: tuple[CookieKind, ...] = ("access", "session")


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request is authenticated by, as it was sent."""

    kind: Literal["bearer", "access", "session"]
    value: str = field(repr=False)

    @property
    def is_cookie(self) -> bool:
        return self.kind != "bearer"


def read_credential(scope: Scope, cookies: Cookies) -> Credential | None:
    """The one that counts, or None. Raises BadRequest for two headers, InvalidToken for two
    cookies of one name."""
    token = bearer_token(scope)
    if token is not None:
        return Credential("bearer", token)
    try:
        if access := cookies.read(scope, "access"):
            return Credential("access", access)
        if session := cookies.read(scope, "session"):
            return Credential("session", session)
    except RepeatedCookieError as error:
        raise InvalidToken from error
    return None


def bearer_token(scope: Scope) -> str | None:
    """The token of the one Authorization header (RFC 6750 section 2.1); None without a header.

    A header that is not `Bearer` and a token gives a token that no verifier accepts, so that it is
    refused like any other. Raises BadRequest for two headers.
    """
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if not values:
        return None
    if len(values) > 1:
        raise BadRequest("There are two Authorization headers.")
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else ""


def hand_over(
    given: TokenPair | SessionTicket, response: Response, cookies: Cookies, csrf: CsrfTokens
) -> TokenResponse:
    """RFC 6749 section 5.1, less what the transport puts into a cookie of `response`."""
    if isinstance(given, SessionTicket):
        sid = given.session_id.sid
        cookies.set(response, "session", str(given.session_id), given.expires_in)
        return TokenResponse(
            expires_in=given.expires_in,
            scope=given.scope,
            session_id=sid,
            csrf_token=csrf.make(sid),
        )
    in_cookies = given.transport != "bearer"
    if in_cookies and given.rotated:
        # The same token came back: its cookie is there, and a late answer must not replace it.
        cookies.set(response, "refresh", given.refresh_token, given.refresh_expires_in)
    if given.transport == "cookie":
        cookies.set(response, "access", given.access_token, given.expires_in)
    return TokenResponse(
        access_token=None if given.transport == "cookie" else given.access_token,
        token_type="Bearer",  # noqa: S106
        expires_in=given.expires_in,
        refresh_token=None if in_cookies else given.refresh_token,
        refresh_expires_in=given.refresh_expires_in,
        scope=given.scope,
        session_id=given.session_id,
        csrf_token=csrf.make(given.session_id) if in_cookies else None,
        rotated=given.rotated if in_cookies else None,
    )
