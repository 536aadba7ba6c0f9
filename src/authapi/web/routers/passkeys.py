"""Passkeys: log in by one, add one. What a browser is asked, and its answers (WebAuthn)."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from authapi.errors import (
    AlreadyLinked,
    CsrfFailed,
    EmailNotVerified,
    InsufficientUserAuthentication,
    InvalidCode,
    InvalidCredentials,
    InvalidSession,
    InvalidTarget,
    NotFound,
    RateLimited,
)
from authapi.services.accounts.notices import NewDeviceNotice
from authapi.services.factors.changes import Owner
from authapi.services.factors.passkey_registration import (
    Registration,
    add_passkey,
    ask_to_register,
)
from authapi.services.factors.passkeys import ask_again, ask_anybody, ask_second_step
from authapi.services.sessions.passkey_login import PasskeyLogin, log_in_by_passkey
from authapi.web.bodies import StrictRoute
from authapi.web.credentials.handover import hand_over_login
from authapi.web.credentials.reading import refuse_foreign_log_in, sessions_sent
from authapi.web.dependencies import AppRuntime, CurrentSubject, FromDevice, locale_of
from authapi.web.factor_schemas import FactorInfo
from authapi.web.metrics.requests import outcome_of
from authapi.web.openapi.document import BODY, CHANGE, NOT_MODIFIED, WITH_LINKS, refusals
from authapi.web.passkey_schemas import (
    PasskeyEndpoints,
    PasskeyLogIn,
    PasskeyOptions,
    PasskeyQuestion,
    PasskeyRegistration,
    RelatedOrigins,
)
from authapi.web.responses import as_json, cacheable
from authapi.web.schemas import TokenResponse

PAGES_MAX_AGE_SECONDS = 3600
LOG_IN = (InvalidCredentials, InvalidSession, CsrfFailed, EmailNotVerified, RateLimited)

router = APIRouter(route_class=StrictRoute, tags=["factors"])


@router.post(
    "/login/passkey/options",
    summary="What to ask a browser for, to log in by a passkey",
    responses=refusals(*BODY, InvalidSession),
)
def login_options(runtime: AppRuntime, body: PasskeyQuestion | None = None) -> PasskeyOptions:
    """Return options for any passkey of this site, or for one of a log-in that waits."""
    auth_session = body.auth_session if body else None
    rp, now = runtime.relying_party, runtime.clock()
    if auth_session is None:
        return PasskeyOptions.of(ask_anybody(rp, now=now))
    return PasskeyOptions.of(ask_second_step(runtime.db, rp, auth_session, now=now))


@router.post(
    "/login/passkey",
    summary="Log in by a passkey, without a name or a password",
    response_model=TokenResponse,
    responses={**WITH_LINKS, **refusals(*BODY, InvalidTarget, *LOG_IN)},
)
async def login_by_passkey(
    body: PasskeyLogIn, request: Request, runtime: AppRuntime, device: FromDevice
) -> Response:
    """Exchange a passkey's answer for a new session. It has to verify its user."""
    refuse_foreign_log_in(request, runtime, body.transport)
    tokens = runtime.tokens.for_resource(body.resource, body.transport)
    attempt = PasskeyLogin(
        rp=runtime.relying_party,
        answer=body.answered(runtime.clock()),
        transport=body.transport,
        device=device,
        came_with=await sessions_sent(request, runtime),
        remember=body.remember,
        notice=NewDeviceNotice(runtime.mails, locale_of(request, None)),
    )
    with outcome_of(runtime.logins):
        given = await run_in_threadpool(
            log_in_by_passkey, runtime.db, runtime.passwords, tokens, attempt
        )
    return hand_over_login(given, request, runtime)


@router.post(
    "/reauth/passkey/options",
    summary="What to ask a browser for, to prove yourself again by a passkey",
    responses=refusals(*CHANGE),
)
def reauth_options(runtime: AppRuntime, current: CurrentSubject) -> PasskeyOptions:
    """Return options for one of your passkeys. The answer is for POST /reauth."""
    now = runtime.clock()
    return PasskeyOptions.of(ask_again(runtime.db, runtime.relying_party, current, now=now))


@router.post(
    "/me/passkeys/options",
    summary="What to ask a browser for, to make a passkey",
    responses=refusals(*CHANGE, InsufficientUserAuthentication),
)
def registration_options(runtime: AppRuntime, current: CurrentSubject) -> PasskeyOptions:
    """Return options for a new passkey. It needs a log-in of the last ten minutes."""
    rp, now = runtime.relying_party, runtime.clock()
    return PasskeyOptions.of(ask_to_register(runtime.db, rp, current, now=now))


@router.post(
    "/me/passkeys",
    status_code=201,
    summary="Add a passkey",
    responses=refusals(
        *(*CHANGE, *BODY, InsufficientUserAuthentication, InvalidSession, InvalidCode),
        *(AlreadyLinked, RateLimited),
    ),
)
def register_passkey(
    body: PasskeyRegistration,
    request: Request,
    runtime: AppRuntime,
    current: CurrentSubject,
    device: FromDevice,
) -> FactorInfo:
    """Add a passkey. From now on a password alone opens no session of this account."""
    new = Registration(
        owner=Owner(current, device, runtime.mails, locale_of(request, None)),
        answer=body.answered(runtime.clock()),
        name=body.name,
        transports=body.transports,
    )
    return FactorInfo.of(add_passkey(runtime.db, runtime.relying_party, runtime.passwords, new))


@router.get(
    "/.well-known/webauthn",
    summary="Which other origins may use the passkeys of this host",
    response_model=RelatedOrigins,
    responses=refusals(NotFound),
)
async def related_origins(runtime: AppRuntime) -> Response:
    """Return the origins of AUTHAPI_PASSKEY_ORIGINS. Without that setting there is nothing."""
    web = [name for name in runtime.settings.passkey_origins if name.startswith("https:")]
    if not web:
        raise NotFound
    return as_json(RelatedOrigins(origins=web))


@router.get(
    "/.well-known/passkey-endpoints",
    summary="Where a user adds and manages passkeys",
    response_model=PasskeyEndpoints,
    response_model_exclude_none=True,
    responses={**NOT_MODIFIED, **refusals()},
)
async def passkey_endpoints(request: Request, runtime: AppRuntime) -> Response:
    """Return the pages of the settings. An empty object says that there are passkeys."""
    settings = runtime.settings
    pages = PasskeyEndpoints(enroll=settings.passkey_enroll_url, manage=settings.passkey_manage_url)
    content = pages.model_dump_json(exclude_none=True).encode()
    return cacheable(request, content, max_age=PAGES_MAX_AGE_SECONDS)
