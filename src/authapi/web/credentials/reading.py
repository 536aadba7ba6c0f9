"""Read the credentials that need not be in force: for log-in, refresh, log-out and /csrf."""

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Scope

from authapi.db.models import Carrier, Transport
from authapi.errors import BadRequest, CsrfFailed, InvalidGrant, InvalidToken, NoCredential
from authapi.services.sessions.identification import SentCredentials, identify_sessions
from authapi.services.sessions.refresh_rotation import Presented, present
from authapi.verifier.bearer import RefusedRequest, authorization_headers, optional_bearer_token
from authapi.web.credentials.cookies import CookieKind, RepeatedCookieError
from authapi.web.credentials.csrf import HEADER, has_csrf_token, refuse_foreign, require_csrf_token
from authapi.web.runtime import Runtime

IDEMPOTENCY_KEY = re.compile("[!-~]{16,128}")
# Each cookie's place among the credentials, in the order in which /csrf tries them.
COOKIE_FIELDS: dict[CookieKind, str] = {
    "access": "access_cookie",
    "session": "session_id",
    "refresh": "cookie_refresh_token",
}


def bearer_token(scope: Scope) -> str | None:
    """Return the token of the Authorization header (RFC 6750 section 2.1), or None without one.

    For a header that is not `Bearer` and a token, return a token that no verifier accepts. Raises
    BadRequest for two headers.
    """
    try:
        return optional_bearer_token(authorization_headers(scope["headers"]))
    except RefusedRequest as error:
        raise BadRequest(str(error)) from error


def refuse_foreign_log_in(request: Request, runtime: Runtime, transport: str) -> None:
    """Raise CsrfFailed for a log-in that sets or ends cookies, and that a foreign page sent.

    Cookies that come along end their session and are cleared: not for any site that asks.
    """
    if transport != Transport.BEARER or runtime.cookies.sent(request.scope):
        refuse_foreign(request.headers, runtime.settings)


async def sessions_sent(request: Request, runtime: Runtime) -> Collection[str]:
    """Return the sids of the genuine credentials of a log-in request. The log-in revokes them."""
    sent = replace(_cookies(request, runtime), access_token=bearer_token(request.scope))
    return await run_in_threadpool(_identify, runtime, sent) if sent else ()


def read_refresh_token(request: Request, runtime: Runtime, in_body: str | None) -> Presented:
    """Return the refresh token of the request, opened. One in the body outranks the cookie.

    Raises InvalidGrant without a genuine one, CsrfFailed, BadRequest for a bad Idempotency-Key and
    for transport session.
    """
    key = _idempotency_key(request)
    if in_body is not None:
        return present(runtime.tokens, in_body, Carrier.BODY, key)
    try:
        token = runtime.cookies.read(request.scope, "refresh")
    except RepeatedCookieError as error:
        raise InvalidGrant from error
    if token is None:
        if "session" in runtime.cookies.sent(request.scope):
            raise BadRequest("A session of transport `session` has nothing to refresh.")
        raise InvalidGrant
    refuse_foreign(request.headers, runtime.settings)
    presented = present(runtime.tokens, token, Carrier.COOKIE, key)
    require_csrf_token(request.headers, runtime.csrf, presented.claims.sid)
    return presented


def _idempotency_key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not IDEMPOTENCY_KEY.fullmatch(given[0]):
        raise BadRequest("The Idempotency-Key must be one of 16 to 128 visible ASCII characters.")
    return given[0]


def sessions_to_end(request: Request, runtime: Runtime, in_body: str | None) -> Collection[str]:
    """Return the sids that a log-out ends. A header or a body outranks the cookies.

    Raises NoCredential, InvalidToken, CsrfFailed.
    """
    token = bearer_token(request.scope)
    if token is not None or in_body is not None:
        sent = SentCredentials(access_token=token, body_refresh_token=in_body)
        if sids := _identify(runtime, sent):
            return sids
        raise InvalidToken
    if not runtime.cookies.sent(request.scope):
        raise NoCredential
    refuse_foreign(request.headers, runtime.settings)
    if HEADER not in request.headers:
        raise CsrfFailed
    sids = _identify(runtime, _cookies(request, runtime))
    if not sids:
        raise InvalidToken
    own = {sid for sid in sids if has_csrf_token(request.headers, runtime.csrf, sid)}
    if not own:
        raise CsrfFailed("X-CSRF-Token is that of another session.")
    return own


def csrf_token_of(request: Request, runtime: Runtime) -> str:
    """Return the CSRF token of the cookies' session. Raises NoCredential, InvalidToken."""
    if not runtime.cookies.sent(request.scope):
        raise NoCredential
    for kind in COOKIE_FIELDS:
        for sid in _identify(runtime, _cookies(request, runtime, kind)):
            return runtime.csrf.make(sid)
    raise InvalidToken


def _identify(runtime: Runtime, sent: SentCredentials) -> set[str]:
    refresh_tokens = runtime.tokens.keys.refresh_tokens
    return identify_sessions(runtime.db, runtime.verifier_for_all, refresh_tokens, sent)


def _cookies(request: Request, runtime: Runtime, *kinds: CookieKind) -> SentCredentials:
    """Return the cookies of these kinds, or of all."""
    values = {}
    for kind in kinds or COOKIE_FIELDS:
        with suppress(RepeatedCookieError):  # nobody can tell which of the two is whose
            values[COOKIE_FIELDS[kind]] = runtime.cookies.read(request.scope, kind)
    return SentCredentials(**values)
