"""The credentials of a request that need not be in force: at log-in, refresh, log-out and /csrf."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Scope

from authapi.db.models import Carrier
from authapi.errors import BadRequest, CsrfFailed, InvalidGrant, InvalidToken, NoCredential
from authapi.services.sessions.identification import SentCredentials, identify_sessions
from authapi.services.sessions.refresh_rotation import Presented, present
from authapi.verifier.bearer import (
    RefusedRequest,
    authorization_headers,
    optional_bearer_token,
)
from authapi.web.credentials.cookies import CookieKind, Cookies, RepeatedCookieError
from authapi.web.credentials.csrf import HEADER, refuse_foreign, require_csrf_token
from authapi.web.runtime import Runtime

KEY_LENGTHS = range(16, 129)  # characters of an Idempotency-Key


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
    try:
        return optional_bearer_token(authorization_headers(scope["headers"]))
    except RefusedRequest as error:
        raise BadRequest(str(error)) from error


async def sessions_sent(request: Request, runtime: Runtime) -> Collection[str]:
    """The sids of whatever genuine credential came along, to be revoked by a log-in."""
    presented = replace(_cookies(request, runtime), access_token=bearer_token(request.scope))
    if not presented:
        return ()
    return await run_in_threadpool(_identify, runtime, presented)


def read_refresh_token(request: Request, runtime: Runtime, in_body: str | None) -> Presented:
    """Open the refresh token that came with the request; one in the body outranks the cookie.

    Raises InvalidGrant without a genuine one, CsrfFailed, BadRequest for a bad Idempotency-Key and
    for transport session.
    """
    key = idempotency_key(request)
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


def idempotency_key(request: Request) -> str | None:
    """Raises BadRequest for one too short or long, not visible ASCII, or given twice."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    key = given[0]
    visible = all("!" <= character <= "~" for character in key)
    if len(given) > 1 or len(key) not in KEY_LENGTHS or not visible:
        raise BadRequest("The Idempotency-Key must be one of 16 to 128 visible ASCII characters.")
    return key


def sessions_to_end(request: Request, runtime: Runtime, in_body: str | None) -> Collection[str]:
    """The sids that a log-out is for. A header or a body outranks the cookies.

    Raises NoCredential, InvalidToken, CsrfFailed.
    """
    token = bearer_token(request.scope)
    if token is not None or in_body is not None:
        presented = SentCredentials(access_token=token, body_refresh_token=in_body)
        if sids := _identify(runtime, presented):
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
    own = {sid for sid in sids if _is_csrf_token_of(request, runtime, sid)}
    if not own:
        raise CsrfFailed
    return own


def csrf_token_of(request: Request, runtime: Runtime) -> str:
    """Raises NoCredential without cookies, InvalidToken without a genuine one."""
    if not runtime.cookies.sent(request.scope):
        raise NoCredential
    cookies = _cookies(request, runtime)
    for presented in (
        SentCredentials(access_cookie=cookies.access_cookie),
        SentCredentials(session_id=cookies.session_id),
        SentCredentials(cookie_refresh_token=cookies.cookie_refresh_token),
    ):
        for sid in _identify(runtime, presented):
            return runtime.csrf.make(sid)
    raise InvalidToken


def _identify(runtime: Runtime, presented: SentCredentials) -> set[str]:
    return identify_sessions(
        runtime.db, runtime.verifier, runtime.tokens.keys.refresh_tokens, presented
    )


def _cookies(request: Request, runtime: Runtime) -> SentCredentials:
    def read(kind: CookieKind) -> str | None:
        try:
            return runtime.cookies.read(request.scope, kind)
        except RepeatedCookieError:
            return None  # nobody can tell which of them is whose

    return SentCredentials(
        access_cookie=read("access"),
        cookie_refresh_token=read("refresh"),
        session_id=read("session"),
    )


def _is_csrf_token_of(request: Request, runtime: Runtime, sid: str) -> bool:
    try:
        require_csrf_token(request.headers, runtime.csrf, sid)
    except CsrfFailed:
        return False
    return True
