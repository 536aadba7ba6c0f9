"""The factors of the user who asks: list, rename, remove; authenticator apps; recovery codes.

Every change needs a log-in of the last ten minutes, with the second factor if there is one.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from authapi.errors import (
    InsufficientUserAuthentication,
    InvalidCode,
    LastWayIn,
    NotFound,
    RateLimited,
)
from authapi.services.factors.changes import Owner
from authapi.services.factors.listing import list_factors, remove_factor, rename_factor
from authapi.services.factors.recovery_codes import replace_codes
from authapi.services.factors.sent import SentFactor
from authapi.services.factors.totp import begin_totp, confirm_totp
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import AppRuntime, CurrentSubject, FromDevice, locale_of
from authapi.web.factor_schemas import (
    FactorChange,
    FactorInfo,
    NewFactor,
    NewRecoveryCodes,
    TotpConfirmation,
    TotpInfo,
)
from authapi.web.openapi.document import BODY, CHANGE, CREDENTIAL, refusals
from authapi.web.responses import as_json, as_json_list

ACTS = (*CHANGE, InsufficientUserAuthentication)

router = APIRouter(route_class=StrictRoute, prefix="/me", tags=["factors"])


async def owner(
    request: Request, runtime: AppRuntime, current: CurrentSubject, device: FromDevice
) -> Owner:
    """Return who changes the own factors."""
    return Owner(current, device, runtime.mails, locale_of(request, None))


FromOwner = Annotated[Owner, Depends(owner)]


@router.get(
    "/factors",
    response_model=list[FactorInfo],
    summary="List the factors",
    responses=refusals(*CREDENTIAL),
)
def read_factors(runtime: AppRuntime, current: CurrentSubject) -> Response:
    """The oldest first. What was begun and not confirmed is not among them."""
    factors = list_factors(runtime.db, current.sub)
    return as_json_list([FactorInfo.of(factor) for factor in factors])


@router.patch(
    "/factors/{factor_id}",
    response_model=FactorInfo,
    summary="Rename a factor",
    responses=refusals(*ACTS, *BODY, NotFound, RateLimited),
)
def change_factor(
    factor_id: str, body: FactorChange, runtime: AppRuntime, current: FromOwner
) -> Response:
    """Give a factor another name."""
    renamed = rename_factor(runtime.db, current, factor_id, body.name or None)
    return as_json(FactorInfo.of(renamed))


@router.delete(
    "/factors/{factor_id}",
    status_code=204,
    summary="Remove a factor",
    responses=refusals(*ACTS, NotFound, LastWayIn),
)
def delete_factor(factor_id: str, runtime: AppRuntime, current: FromOwner) -> None:
    """Remove a factor. The recovery codes go with the last second factor."""
    remove_factor(runtime.db, runtime.settings, current, factor_id)


@router.post(
    "/totp",
    status_code=201,
    response_model=TotpInfo,
    summary="Begin with an authenticator app",
    responses=refusals(*ACTS, *BODY),
)
def add_totp(runtime: AppRuntime, current: FromOwner, body: NewFactor | None = None) -> Response:
    """Make a secret for an authenticator app. It is in force once a code of it was sent back."""
    name = body.name or None if body else None
    begun = begin_totp(runtime.db, runtime.settings, current, name)
    shown = TotpInfo(id=begun.id, secret=begun.secret, otpauth_uri=begun.otpauth_uri)
    return as_json(shown, status=201)


@router.post(
    "/totp/confirm",
    response_model=NewRecoveryCodes,
    summary="Put an authenticator app in force",
    responses=refusals(*ACTS, *BODY, InvalidCode, NotFound, RateLimited),
)
def confirm_app(body: TotpConfirmation, runtime: AppRuntime, current: FromOwner) -> Response:
    """Send a code of the app. With the first second factor come ten recovery codes."""
    sent = SentFactor("totp_code", body.code, body.id)
    codes = confirm_totp(runtime.db, runtime.settings, runtime.passwords, current, sent)
    return as_json(NewRecoveryCodes(recovery_codes=list(codes)))


@router.post(
    "/recovery-codes",
    response_model=NewRecoveryCodes,
    summary="Make new recovery codes",
    responses=refusals(*ACTS, NotFound, RateLimited),
)
def make_recovery_codes(runtime: AppRuntime, current: FromOwner) -> Response:
    """Make ten recovery codes. The older ones end."""
    return as_json(NewRecoveryCodes(recovery_codes=list(replace_codes(runtime.db, current))))
