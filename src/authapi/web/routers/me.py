"""The account of the user who asks."""

from fastapi import APIRouter, Request, Response

from authapi.errors import (
    EmailNotVerified,
    InsufficientUserAuthentication,
    LastAdministrator,
    RateLimited,
    UsernameTaken,
    WrongPassword,
)
from authapi.services.accounts import email_change
from authapi.services.accounts.deletion import Deletion, delete_account
from authapi.services.accounts.profile import UsernameChange, change_username, get_profile
from authapi.services.sessions import password_change
from authapi.services.sessions.password_change import change_password
from authapi.web.bodies import StrictRoute
from authapi.web.credentials.handover import hand_over
from authapi.web.dependencies import AppRuntime, CurrentSubject, FromDevice, locale_of
from authapi.web.mail_schemas import EmailChange
from authapi.web.openapi.document import BODY, CHANGE, CREDENTIAL, refusals
from authapi.web.responses import as_json
from authapi.web.runtime import runtime_of
from authapi.web.schemas import (
    PasswordChange,
    PasswordProof,
    Profile,
    ProfileChange,
    TokenResponse,
)

OWN_CHANGE = (*CHANGE, *BODY, InsufficientUserAuthentication)

router = APIRouter(route_class=StrictRoute, prefix="/me", tags=["me"])


@router.get("", response_model=Profile, summary="Who am I", responses=refusals(*CREDENTIAL))
def read_profile(request: Request, current: CurrentSubject) -> Response:
    """Return the account of the credential."""
    return as_json(Profile.of(get_profile(runtime_of(request).db, current.sub)))


@router.patch(
    "",
    summary="Change the username",
    responses=refusals(*OWN_CHANGE, UsernameTaken, RateLimited),
)
def change_profile(
    body: ProfileChange, runtime: AppRuntime, current: CurrentSubject, device: FromDevice
) -> Profile:
    """Change or remove the username. It needs a log-in of the last ten minutes."""
    change = UsernameChange(body.username, device.address, asked_at=runtime.clock())
    usernames, limits = runtime.usernames, runtime.limits
    return Profile.of(change_username(runtime.db, usernames, limits, current, change))


@router.post(
    "/password",
    summary="Change the password, end every session and open a new one",
    response_model=TokenResponse,
    responses=refusals(*OWN_CHANGE, WrongPassword, EmailNotVerified, RateLimited),
)
async def change_own_password(
    body: PasswordChange,
    request: Request,
    runtime: AppRuntime,
    current: CurrentSubject,
    device: FromDevice,
) -> Response:
    """Change the password. Every session ends, and a new one takes the place of yours."""
    change = password_change.PasswordChange(
        body.current_password, body.new_password, current, device, locale_of(request, None)
    )
    changing = change_password(runtime.db, runtime.mails, runtime.passwords, runtime.tokens, change)
    return hand_over(await runtime.password_pool.carry_out(changing, device.address), runtime)


@router.post(
    "/delete",
    status_code=204,
    summary="Delete the account",
    responses=refusals(*OWN_CHANGE, WrongPassword, LastAdministrator, RateLimited),
)
async def delete_own_account(
    body: PasswordProof, runtime: AppRuntime, current: CurrentSubject, device: FromDevice
) -> None:
    """Delete the account and all personal data of it. Every session ends."""
    wanted = Deletion(
        current,
        body.password,
        device.address,
        needs_verified_email=runtime.settings.login_needs_verified_email,
    )
    deleting = delete_account(runtime.db, runtime.passwords, runtime.usernames, wanted)
    await runtime.password_pool.carry_out(deleting, device.address)


@router.post(
    "/email",
    status_code=202,
    response_class=Response,
    summary="Ask for another e-mail address",
    responses=refusals(*OWN_CHANGE, WrongPassword, RateLimited),
)
async def change_own_email(
    body: EmailChange,
    request: Request,
    runtime: AppRuntime,
    current: CurrentSubject,
    device: FromDevice,
) -> Response:
    """Send a mail to the new address. The account has it once the mail is answered."""
    locale = locale_of(request, body.locale)
    change = email_change.EmailChange(body.password, body.email, device.address, locale)
    asking = email_change.ask_to_change(
        runtime.db, runtime.mails, runtime.passwords, current, change
    )
    await runtime.password_pool.carry_out(asking, device.address)
    return Response(status_code=202)
