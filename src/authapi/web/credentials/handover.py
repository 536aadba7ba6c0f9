"""Where a credential is read, and how what a log-in or refresh gives is handed over.

  transport   access token            refresh token     and else
  bearer      Authorization, body     body
  hybrid      Authorization, body     refresh cookie    csrf_token
  cookie      access cookie           refresh cookie    csrf_token
  session                                               session cookie, csrf_token

A route never sees which one was used. A Bearer header outranks cookies; what a cookie holds is in
no body.
"""

from starlette.responses import Response

from authapi.crypto.csrf_tokens import CsrfTokens
from authapi.db.models import Transport
from authapi.services.sessions.token_issue import SessionTicket, TokenPair
from authapi.web.credentials.cookies import Cookies
from authapi.web.schemas import TokenResponse


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
    in_cookies = given.transport != Transport.BEARER
    if in_cookies and given.rotated:
        # The same token came back: its cookie is there, and a late answer must not replace it.
        cookies.set(response, "refresh", given.refresh_token, given.refresh_expires_in)
    if given.transport == Transport.COOKIE:
        cookies.set(response, "access", given.access_token, given.expires_in)
    return TokenResponse(
        access_token=None if given.transport == Transport.COOKIE else given.access_token,
        token_type="Bearer",  # noqa: S106
        expires_in=given.expires_in,
        refresh_token=None if in_cookies else given.refresh_token,
        refresh_expires_in=given.refresh_expires_in,
        scope=given.scope,
        session_id=given.session_id,
        csrf_token=csrf.make(given.session_id) if in_cookies else None,
        rotated=given.rotated if in_cookies else None,
    )
