"""Log in by another provider's ID token, and link such an identity to the account."""

from fastapi import APIRouter, Request, Response

from authapi.errors import (
    AlreadyLinked,
    AlreadyRegistered,
    CsrfFailed,
    EmailNotVerified,
    InsufficientAuthorization,
    InsufficientUserAuthentication,
    InvalidCredentials,
    InvalidTarget,
    RateLimited,
    RegistrationClosed,
)
from authapi.services.accounts.notices import NewDeviceNotice
from authapi.services.accounts.registration import Registrar
from authapi.services.factors.changes import Owner
from authapi.services.factors.identities import link_identity
from authapi.services.sessions import id_token_login
from authapi.services.sessions.id_token_login import log_in_by_id_token
from authapi.web.bodies import StrictRoute
from authapi.web.credentials.handover import hand_over_login
from authapi.web.credentials.reading import refuse_foreign_log_in, sessions_sent
from authapi.web.dependencies import AppRuntime, CurrentSubject, FromDevice, locale_of
from authapi.web.factor_schemas import FactorInfo
from authapi.web.identity_schemas import IdTokenLogin, NewIdentity
from authapi.web.metrics.requests import outcome_of
from authapi.web.openapi.document import BODY, CHANGE, WITH_LINKS, refusals
from authapi.web.responses import as_json
from authapi.web.runtime import Runtime
from authapi.web.schemas import TokenResponse

REGISTERS = (EmailNotVerified, RegistrationClosed, AlreadyRegistered)
LOG_IN = (InvalidCredentials, InsufficientAuthorization, CsrfFailed, *REGISTERS, RateLimited)
LINK = (InsufficientUserAuthentication, AlreadyLinked, RateLimited)

router = APIRouter(route_class=StrictRoute, tags=["factors"])


@router.post(
    "/login/id-token",
    summary="Log in by another provider's ID token",
    response_model=TokenResponse,
    responses={**WITH_LINKS, **refusals(InvalidTarget, *BODY, *LOG_IN)},
)
async def login_by_id_token(
    body: IdTokenLogin, request: Request, runtime: AppRuntime, device: FromDevice
) -> Response:
    """Exchange an ID token for a new session. An identity without an account may get one."""
    refuse_foreign_log_in(request, runtime, body.transport)
    tokens = runtime.tokens.for_resource(body.resource, body.transport)
    attempt = id_token_login.IdTokenLogin(
        sent=body.sent(),
        transport=body.transport,
        device=device,
        came_with=await sessions_sent(request, runtime),
        remember=body.remember,
        notice=NewDeviceNotice(runtime.mails, locale_of(request, None)),
    )
    logging_in = log_in_by_id_token(_registrar(runtime), runtime.providers, tokens, attempt)
    with outcome_of(runtime.logins):
        given = await runtime.password_pool.carry_out(logging_in, device.address)
    return hand_over_login(given, request, runtime)


@router.post(
    "/me/identities",
    status_code=201,
    summary="Link an identity of another provider",
    response_model=FactorInfo,
    responses=refusals(*CHANGE, *BODY, InvalidCredentials, *LINK),
)
async def link_own_identity(
    body: NewIdentity,
    request: Request,
    runtime: AppRuntime,
    current: CurrentSubject,
    device: FromDevice,
) -> Response:
    """Link the identity of an ID token: it logs in to this account from now on."""
    owner = Owner(current, device, runtime.mails, locale_of(request, None))
    here, sent, now = _registrar(runtime), body.sent(), runtime.clock()
    linking = link_identity(here, runtime.providers, owner, sent, now=now)
    linked = await runtime.password_pool.carry_out(linking, device.address)
    return as_json(FactorInfo.of(linked), status=201)


def _registrar(runtime: Runtime) -> Registrar:
    return Registrar(
        runtime.db, runtime.settings, runtime.passwords, runtime.usernames, runtime.mails
    )
