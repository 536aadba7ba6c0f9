"""How a log-in or a refresh hands its credentials to the client.

  transport   access token     refresh token     and else
  bearer      body             body
  hybrid      body             refresh cookie    csrf_token
  cookie      access cookie    refresh cookie    csrf_token
  session                                        session cookie, csrf_token

A value in a cookie is in no body. A cookie has a Max-Age if the log-in said to remember it; else it
ends with the browser.
"""

from starlette.requests import Request
from starlette.responses import Response

from authapi.db.models import Transport
from authapi.services.sessions.token_issue import SessionTicket, TokenPair
from authapi.web.responses import as_json
from authapi.web.runtime import Runtime
from authapi.web.schemas import TokenResponse


def hand_over(given: TokenPair | SessionTicket, runtime: Runtime) -> Response:
    """Return the token response of RFC 6749 section 5.1, with the transport's cookies on it."""
    if isinstance(given, SessionTicket):
        return _hand_over_session(given, runtime)
    return _hand_over_pair(given, runtime)


def hand_over_login(
    given: TokenPair | SessionTicket, request: Request, runtime: Runtime
) -> Response:
    """Do as `hand_over`, and end the cookies that were sent and that the transport does not set."""
    response = hand_over(given, runtime)
    runtime.cookies.clear_sent(request.scope, response)
    return response


def _hand_over_session(ticket: SessionTicket, runtime: Runtime) -> Response:
    sid = ticket.session_id.sid
    body = TokenResponse(
        expires_in=ticket.expires_in,
        authorization_expires_in=ticket.expires_in,
        scope=ticket.scope,
        session_id=sid,
        csrf_token=runtime.csrf.make(sid),
    )
    response = as_json(body, exclude_none=True)
    max_age = ticket.expires_in if ticket.remember else None
    runtime.cookies.set(response, "session", str(ticket.session_id), max_age)
    return response


def _hand_over_pair(pair: TokenPair, runtime: Runtime) -> Response:
    in_cookies = pair.transport != Transport.BEARER
    body = TokenResponse(
        access_token=None if pair.transport == Transport.COOKIE else pair.access_token,
        token_type="Bearer",  # noqa: S106
        expires_in=pair.expires_in,
        refresh_token=None if in_cookies else pair.refresh_token,
        refresh_expires_in=pair.refresh_expires_in,
        authorization_expires_in=pair.authorization_expires_in,
        scope=pair.scope,
        session_id=pair.session_id,
        csrf_token=runtime.csrf.make(pair.session_id) if in_cookies else None,
        rotated=pair.rotated if in_cookies else None,
    )
    response = as_json(body, exclude_none=True)
    if in_cookies and pair.rotated:
        # A token that came back has its cookie already; a late answer must not replace that.
        max_age = pair.refresh_expires_in if pair.remember else None
        runtime.cookies.set(response, "refresh", pair.refresh_token, max_age)
    if pair.transport == Transport.COOKIE:
        max_age = pair.expires_in if pair.remember else None
        runtime.cookies.set(response, "access", pair.access_token, max_age)
    return response
