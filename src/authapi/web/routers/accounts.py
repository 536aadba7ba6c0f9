"""Register an account."""

from fastapi import APIRouter

from authapi.errors import AlreadyRegistered, RateLimited, RegistrationClosed, UsernameTaken
from authapi.services.accounts.registration import NewUser, register
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import AppRuntime, FromDevice
from authapi.web.openapi.document import BODY, refusals
from authapi.web.schemas import Profile, Registration

router = APIRouter(route_class=StrictRoute, tags=["accounts"])


@router.post(
    "/register",
    status_code=201,
    summary="Make an account",
    responses=refusals(*BODY, RegistrationClosed, AlreadyRegistered, UsernameTaken, RateLimited),
)
async def register_account(body: Registration, runtime: AppRuntime, device: FromDevice) -> Profile:
    wanted = NewUser(body.email, body.password, body.username, address=device.address)
    settings, passwords, usernames = runtime.settings, runtime.passwords, runtime.usernames
    registering = register(runtime.db, settings, passwords, wanted, usernames)
    account = await runtime.password_pool.carry_out(registering, device.address)
    return Profile.of(account)
