"""Log in, refresh, log out."""

from typing import Any

from fastapi import APIRouter, Request

from authapi.errors import (
    BadRequest,
    InvalidCredentials,
    InvalidGrant,
    InvalidToken,
    NoCredential,
    RateLimited,
)
from authapi.services.login import LoginAttempt, log_in
from authapi.services.logout import log_out, log_out_everywhere
from authapi.services.refresh_rotation import BODY as IN_BODY
from authapi.services.refresh_rotation import rotate_refresh_token
from authapi.web.dependencies import AppParts, CurrentSubject, FromDevice, IdempotencyKey
from authapi.web.openapi import BODY, CREDENTIAL, refusals
from authapi.web.schemas import Login, Logout, Refresh, TokenResponse
from authapi.web.strict_json import StrictRoute
from authapi.web.transports import bearer_token, hand_over

router = APIRouter(route_class=StrictRoute, tags=["tokens"])

# A Bearer token serves, and so does a refresh token in the body, and so needs none of the two.
EITHER_CREDENTIAL: dict[str, Any] = {"security": [{"accessToken": []}, {}]}


@router.post(
    "/login",
    summary="Log in",
    responses=refusals(*BODY, InvalidCredentials, RateLimited),
)
async def login(body: Login, parts: AppParts, device: FromDevice) -> TokenResponse:
    attempt = LoginAttempt(body.email, body.username, body.password, body.transport)
    pair = await parts.password_pool.run(
        log_in,
        parts.db,
        parts.settings,
        parts.keys,
        parts.hasher,
        parts.limits,
        attempt,
        device,
    )
    return hand_over(pair)


@router.post(
    "/refresh",
    summary="Exchange a refresh token for a new pair",
    responses=refusals(*BODY, InvalidGrant, RateLimited),
)
def refresh(parts: AppParts, key: IdempotencyKey, body: Refresh | None = None) -> TokenResponse:
    if body is None or body.refresh_token is None:
        raise InvalidGrant
    pair = rotate_refresh_token(
        parts.db,
        parts.settings,
        parts.keys,
        parts.limits,
        parts.revocations,
        body.refresh_token,
        IN_BODY,
        key,
    )
    return hand_over(pair)


@router.post(
    "/logout",
    status_code=204,
    summary="End this session",
    responses=refusals(*BODY, NoCredential, InvalidToken),
    openapi_extra=EITHER_CREDENTIAL,
)
def logout(request: Request, parts: AppParts, body: Logout | None = None) -> None:
    log_out(
        parts.db,
        parts.verifier,
        parts.keys.refresh_tokens,
        parts.revocations,
        bearer_token(request.scope),
        body.refresh_token if body else None,
    )


@router.post(
    "/logout/all",
    status_code=204,
    summary="End every session of the user",
    responses=refusals(*CREDENTIAL, BadRequest),
)
def logout_all(parts: AppParts, current: CurrentSubject) -> None:
    log_out_everywhere(parts.db, parts.revocations, current.sub)
