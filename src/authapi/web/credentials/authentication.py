"""Authenticate a request: read its credential, verify it, apply the CSRF rule.

An Authorization header outranks the access cookie, which outranks the session cookie.
"""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from authapi.crypto.session_ids import parse_session_id
from authapi.errors import InvalidToken, NoCredential, Unavailable
from authapi.logs import log
from authapi.services.sessions.lookup import accept_cached, look_up_session
from authapi.verifier import Claims, InvalidTokenError, Verifier, VerifierNotReadyError
from authapi.web.credentials.cookies import RepeatedCookieError
from authapi.web.credentials.csrf import (
    HANDSHAKE,
    SAFE_METHODS,
    refuse_foreign,
    refuse_foreign_handshake,
    require_csrf_token,
)
from authapi.web.credentials.reading import bearer_token
from authapi.web.runtime import Runtime, runtime_of


def own_method(request: Request) -> str:
    return request.method


async def authenticate(
    request: Request,
    method_of: Callable[[Request], str] = own_method,
    *,
    any_audience: bool = False,
) -> Claims:
    """Return the claims of the request's credential. Only transport `session` costs a look-up.

    Without `any_audience` an access token for another service is refused: a service that was sent
    one can't manage the account. The CSRF rule, which a cookie needs, looks at `method_of` the
    request. That may be HANDSHAKE.
    Raises NoCredential, InvalidToken, CsrfFailed, BadRequest, Unavailable.
    """
    runtime = runtime_of(request)
    verifier = runtime.verifier_for_all if any_audience else runtime.verifier
    token = bearer_token(request.scope)
    if token is not None:
        return verify(verifier, token)
    try:
        access = runtime.cookies.read(request.scope, "access")
        session = "" if access else runtime.cookies.read(request.scope, "session") or ""
    except RepeatedCookieError as error:
        raise InvalidToken from error
    if not (access or session):
        raise NoCredential
    method = method_of(request)
    changes_state = method != HANDSHAKE and method not in SAFE_METHODS
    if method == HANDSHAKE:
        refuse_foreign_handshake(request.headers, runtime.settings)
    elif changes_state:
        refuse_foreign(request.headers, runtime.settings)
    claims = verify(verifier, access) if access else await _look_up(runtime, session)
    if changes_state:
        require_csrf_token(request.headers, runtime.csrf, claims.sid)
    return claims


def verify(verifier: Verifier, token: str) -> Claims:
    """Return an access token's claims, without any I/O. Raises InvalidToken, Unavailable."""
    try:
        return verifier.verify(token)
    except VerifierNotReadyError as error:
        raise Unavailable from error
    except InvalidTokenError as error:
        log.info("access_token_refused", reason=error.reason)
        raise InvalidToken from error


async def _look_up(runtime: Runtime, session: str) -> Claims:
    session_id = parse_session_id(session)
    if session_id is None:
        raise InvalidToken
    cached = await runtime.session_reader.find(session_id.sid)
    now = runtime.clock()
    if cached and (claims := accept_cached(runtime.lookups, session_id, cached, now=now)):
        return claims
    return await run_in_threadpool(look_up_session, runtime.lookups, session_id, cached, now=now)
