"""Users about themselves."""

from fastapi import APIRouter, Request, Response

from authapi.errors import RateLimited, UsernameTaken, WrongPassword
from authapi.services.accounts.deletion import delete_account
from authapi.services.accounts.password_change import change_password
from authapi.services.accounts.profile import change_username, get_profile
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import AppParts, CurrentSubject, FromDevice
from authapi.web.openapi.document import BODY, CHANGE, CREDENTIAL, refusals
from authapi.web.responses import written_out
from authapi.web.runtime import parts_of
from authapi.web.schemas import PasswordChange, PasswordProof, Profile, ProfileChange

router = APIRouter(route_class=StrictRoute, prefix="/me", tags=["me"])


@router.get("", response_model=Profile, summary="Who am I", responses=refusals(*CREDENTIAL))
def read_profile(request: Request, current: CurrentSubject) -> Response:
    return written_out(Profile.of(get_profile(parts_of(request).db, current.sub)))


@router.patch("", summary="Change the username", responses=refusals(*CHANGE, *BODY, UsernameTaken))
def change_profile(body: ProfileChange, parts: AppParts, current: CurrentSubject) -> Profile:
    return Profile.of(change_username(parts.db, current.sub, body.username))


@router.post(
    "/password",
    status_code=204,
    summary="Change the password and end every other session",
    responses=refusals(*CHANGE, *BODY, WrongPassword, RateLimited),
)
async def change_own_password(
    body: PasswordChange, parts: AppParts, current: CurrentSubject, device: FromDevice
) -> None:
    await parts.password_pool.run(
        change_password,
        parts.db,
        parts.hasher,
        parts.limits,
        parts.revocations,
        current.sub,
        current.sid,
        body.current_password,
        body.new_password,
        device.address,
    )


@router.post(
    "/delete",
    status_code=204,
    summary="Delete the account",
    responses=refusals(*CHANGE, *BODY, WrongPassword, RateLimited),
)
async def delete_own_account(
    body: PasswordProof, parts: AppParts, current: CurrentSubject, device: FromDevice
) -> None:
    await parts.password_pool.run(
        delete_account,
        parts.db,
        parts.hasher,
        parts.limits,
        parts.revocations,
        current.sub,
        body.password,
        device.address,
    )
