"""Register an account."""

from fastapi import APIRouter, Request, Response

from authapi.errors import AlreadyRegistered, RateLimited, RegistrationClosed, UsernameTaken
from authapi.services.accounts.registration import NewUser, Registrar, register
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import AppRuntime, FromDevice, locale_of
from authapi.web.openapi.document import BODY, refusals
from authapi.web.responses import as_json
from authapi.web.schemas import Profile, Registration

router = APIRouter(route_class=StrictRoute, tags=["accounts"])


@router.post(
    "/register",
    status_code=201,
    summary="Make an account",
    response_model=Profile,
    responses={
        202: {
            "description": "A mail is on its way. Its link or code begins the account "
            "(AUTHAPI_REGISTRATION_CONFIRMS_EMAIL)."
        },
        **refusals(*BODY, RegistrationClosed, AlreadyRegistered, UsernameTaken, RateLimited),
    },
)
async def register_account(
    body: Registration, request: Request, runtime: AppRuntime, device: FromDevice
) -> Response:
    """Register with an e-mail address and a password. A mail asks to verify the address."""
    wanted = NewUser(
        email=body.email,
        password=body.password,
        username=body.username,
        address=device.address,
        locale=locale_of(request, body.locale),
        user_agent=device.user_agent,
    )
    here = Registrar(
        runtime.db, runtime.settings, runtime.passwords, runtime.usernames, runtime.mails
    )
    registering = register(here, wanted)
    account = await runtime.password_pool.carry_out(registering, device.address)
    if account is None:
        return Response(status_code=202)
    return as_json(Profile.of(account), status=201)
