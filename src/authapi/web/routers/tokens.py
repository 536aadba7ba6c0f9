"""Log in, refresh, log out."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from authapi.errors import (
    BadRequest,
    CsrfFailed,
    EmailNotVerified,
    InsufficientAuthorization,
    InsufficientUserAuthentication,
    InvalidCode,
    InvalidCredentials,
    InvalidGrant,
    InvalidSession,
    InvalidTarget,
    InvalidToken,
    NoCredential,
    RateLimited,
    WrongPassword,
)
from authapi.services.accounts.notices import NewDeviceNotice
from authapi.services.factors.passkeys import proof_again, second_step
from authapi.services.factors.sent import SentFactor
from authapi.services.sessions.continuation import Continuation, continue_log_in
from authapi.services.sessions.login import LoginAttempt, log_in
from authapi.services.sessions.logout import log_out, log_out_everywhere
from authapi.services.sessions.notices import ReplayNotice
from authapi.services.sessions.reauthentication import Proof, reauthenticate
from authapi.services.sessions.refresh_rotation import rotate_refresh_token
from authapi.web.bodies import StrictRoute
from authapi.web.credentials.csrf import is_foreign
from authapi.web.credentials.handover import hand_over, hand_over_login
from authapi.web.credentials.reading import (
    csrf_token_of,
    read_refresh_token,
    refuse_foreign_log_in,
    sessions_sent,
    sessions_to_end,
)
from authapi.web.dependencies import (
    IDEMPOTENCY_KEY,
    AppRuntime,
    CurrentSubject,
    FromDevice,
    device_of,
    locale_of,
)
from authapi.web.error_handlers import answer_to
from authapi.web.factor_schemas import ContinuedLogin, Reauthentication
from authapi.web.metrics.requests import outcome_of
from authapi.web.openapi.document import BODY, CHANGE, WITH_LINKS, refusals
from authapi.web.runtime import Runtime, runtime_of
from authapi.web.schemas import CsrfToken, Login, Logout, Refresh, TokenResponse

LOG_IN = (InvalidCredentials, InsufficientAuthorization, CsrfFailed, EmailNotVerified, RateLimited)
FACTOR = (InvalidCode, RateLimited)
CONTINUE = (InvalidSession, InvalidTarget, CsrfFailed, EmailNotVerified, *FACTOR)

router = APIRouter(route_class=StrictRoute, tags=["tokens"])

# Any of several credentials serves, and so needs none of them in particular.
ANY_CREDENTIAL: dict[str, Any] = {"security": [{"accessToken": []}, {}]}


@router.post(
    "/login",
    summary="Log in",
    response_model=TokenResponse,
    responses={**WITH_LINKS, **refusals(*BODY, InvalidTarget, *LOG_IN)},
)
async def login(body: Login, request: Request, runtime: AppRuntime, device: FromDevice) -> Response:
    """Exchange a password for a new session, in one of four transports."""
    refuse_foreign_log_in(request, runtime, body.transport)
    tokens = runtime.tokens.for_resource(body.resource, body.transport)
    came_with = await sessions_sent(request, runtime)
    attempt = LoginAttempt(
        email=body.email,
        username=body.username,
        password=body.password,
        transport=body.transport,
        came_with=came_with,
        remember=body.remember,
        notice=NewDeviceNotice(runtime.mails, locale_of(request, None)),
        registrations_wait=runtime.settings.registration_confirms_email,
    )
    logging_in = log_in(runtime.db, runtime.passwords, tokens, attempt, device)
    with outcome_of(runtime.logins):
        given = await runtime.password_pool.carry_out(logging_in, device.address)
    return hand_over_login(given, request, runtime)


@router.post(
    "/login/continue",
    summary="Log in: the second factor",
    response_model=TokenResponse,
    responses={**WITH_LINKS, **refusals(*BODY, *CONTINUE)},
)
async def continue_login(
    body: ContinuedLogin, request: Request, runtime: AppRuntime, device: FromDevice
) -> Response:
    """Send the second factor that `/login` or `/reauth` asked for."""
    binding = second_step(body.auth_session)
    continuation = Continuation(
        auth_session=body.auth_session,
        sent=body.sent_factor(runtime.relying_party, runtime.clock(), binding),
        device=device,
        require_allowed=partial(refuse_foreign_log_in, request, runtime),
        came_with=await sessions_sent(request, runtime),
        notice=NewDeviceNotice(runtime.mails, locale_of(request, None)),
    )
    with outcome_of(runtime.logins):
        given = await run_in_threadpool(
            continue_log_in, runtime.db, runtime.passwords, runtime.tokens, continuation
        )
    return hand_over_login(given, request, runtime)


@router.post(
    "/reauth",
    summary="Prove the password or another factor again, for a fresh log-in",
    response_model=TokenResponse,
    responses=refusals(
        *(*CHANGE, *BODY, WrongPassword, EmailNotVerified),
        *(InsufficientAuthorization, InvalidSession, *FACTOR),
    ),
)
async def reauth(
    body: Reauthentication, runtime: AppRuntime, current: CurrentSubject, device: FromDevice
) -> Response:
    """Prove the password or another factor again. A new session takes the place of yours."""
    sent: str | SentFactor | None = body.password
    if sent is None:
        rp, now = runtime.relying_party, runtime.clock()
        sent = body.sent_factor(rp, now, proof_again(current.sid))
    proof = Proof(sent, current, device)
    proving = reauthenticate(runtime.db, runtime.passwords, runtime.tokens, proof)
    return hand_over(await runtime.password_pool.carry_out(proving, device.address), runtime)


@router.post(
    "/refresh",
    summary="Exchange a refresh token for a new pair",
    response_model=TokenResponse,
    responses={
        **WITH_LINKS,
        **refusals(*BODY, InvalidTarget, InvalidGrant, CsrfFailed, RateLimited),
    },
    openapi_extra={"parameters": [IDEMPOTENCY_KEY]},
)
def refresh(request: Request, body: Refresh | None = None) -> Response:
    """Exchange the refresh token, of the body or the cookie. Each works once."""
    runtime = runtime_of(request)
    presented = read_refresh_token(request, runtime, body.refresh_token if body else None)
    if body:
        presented = presented.for_resource(body.resource)
    notice = partial(_replay_notice, request, runtime)
    pair = rotate_refresh_token(runtime.db, runtime.limits, presented, notice, runtime.refreshes)
    return hand_over(pair, runtime)


def _replay_notice(request: Request, runtime: Runtime) -> ReplayNotice:
    return ReplayNotice(runtime.mails, device_of(request), locale_of(request, None))


@router.post(
    "/logout",
    status_code=204,
    summary="End this session",
    responses=refusals(*BODY, NoCredential, InvalidToken, CsrfFailed),
    openapi_extra=ANY_CREDENTIAL,
)
def logout(request: Request, runtime: AppRuntime, body: Logout | None = None) -> Response:
    """End the session of any credential that is sent, and clear its cookies."""
    response = Response(status_code=204)
    try:
        sids = sessions_to_end(request, runtime, body.refresh_token if body else None)
        log_out(runtime.db, sids)
    except InvalidToken as refusal:
        response = answer_to(request, refusal)  # and the cookies, of no use to anybody, go too
    _clear_cookies(request, runtime, response)
    return response


@router.post(
    "/logout/all",
    status_code=204,
    summary="End every session of the user",
    responses=refusals(*CHANGE, BadRequest, InsufficientUserAuthentication),
)
def logout_all(request: Request, runtime: AppRuntime, current: CurrentSubject) -> Response:
    """End every session of the user, on every device."""
    log_out_everywhere(runtime.db, runtime.settings, current)
    response = Response(status_code=204)
    _clear_cookies(request, runtime, response)
    return response


@router.get(
    "/csrf",
    summary="The CSRF token of the session in the cookies",
    responses=refusals(NoCredential, InvalidToken),
    openapi_extra=ANY_CREDENTIAL,
)
def csrf(request: Request, runtime: AppRuntime) -> CsrfToken:
    """Return the token that a change by cookie needs. It stays the same for a session."""
    return CsrfToken(csrf_token=csrf_token_of(request, runtime))


def _clear_cookies(request: Request, runtime: Runtime, response: Response) -> None:
    # Another site's page may have a Bearer token of its own: the browser's cookies stay.
    if not is_foreign(request.headers, runtime.settings):
        runtime.cookies.clear_sent(request.scope, response)
