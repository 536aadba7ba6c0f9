"""Administration: accounts, their sessions, and what happened.

Reading needs the scope `authapi:audit` or `authapi:admin`. A change needs the second one and a
fresh log-in. The rules are in services/accounts/administration.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import WithJsonSchema

from authapi.errors import (
    AccountDisabled,
    AlreadyRegistered,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidField,
    LastAdministrator,
    NotFound,
    RateLimited,
    UsernameTaken,
)
from authapi.services.accounts import administration
from authapi.services.accounts.administration import Actor, Operator, WantedEvents
from authapi.services.accounts.administration.creation import Tools, create_user
from authapi.services.accounts.administration.operator import as_administrator
from authapi.services.accounts.administrators import require_auditor
from authapi.services.accounts.registration import NewUser
from authapi.services.accounts.scopes import joined
from authapi.services.events.catalogue import EventType
from authapi.verifier import Claims
from authapi.web.admin_schemas import (
    TYPES,
    IsDisabled,
    Plain,
    Searched,
    Since,
    UserChange,
    UserCreation,
    UserInfo,
    UserPage,
)
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import (
    MOST_LISTED,
    AppRuntime,
    CurrentSubject,
    FromDevice,
    Limit,
    Paging,
    locale_of,
)
from authapi.web.event_schemas import EventPage
from authapi.web.openapi.document import BODY, CHANGE, CREDENTIAL, refusals
from authapi.web.responses import as_json
from authapi.web.routers.sessions import WITH_LINK, Cursor, as_session_list
from authapi.web.runtime import Runtime
from authapi.web.schemas import SessionInfo

READS = (*CREDENTIAL, InsufficientScope)
ACTS = (*CHANGE, InsufficientScope, InsufficientUserAuthentication)
TAKEN = (AlreadyRegistered, UsernameTaken)


async def auditor(current: CurrentSubject) -> Claims:
    """Return the subject of a request that may read."""
    require_auditor(current)
    return current


async def administrator(
    request: Request, runtime: AppRuntime, current: CurrentSubject, device: FromDevice
) -> Operator:
    """Return who acts by a request that may change something."""
    return as_administrator(
        runtime.mails,
        runtime.passwords.breached,
        Actor(current, device, locale_of(request, None)),
        now=runtime.clock(),
        needs_verified_email=runtime.settings.login_needs_verified_email,
    )


async def wanted_events(
    user_id: Plain = None,
    kind: Annotated[EventType | None, Query(alias="type"), WithJsonSchema(TYPES)] = None,
    since: Since = None,
) -> WantedEvents:
    """Return what the query asks for."""
    return WantedEvents(user_id, kind, since)


Auditor = Annotated[Claims, Depends(auditor)]
Administrator = Annotated[Operator, Depends(administrator)]

router = APIRouter(route_class=StrictRoute, prefix="/admin", tags=["admin"])


@router.get(
    "/users",
    response_model=UserPage,
    summary="List or search the accounts",
    responses=refusals(*READS, InvalidField),
)
async def search_users(
    runtime: AppRuntime,
    current: Auditor,
    which: Paging,
    q: Searched = None,
    *,
    disabled: IsDisabled = None,
) -> Response:
    """The newest first. With `q`, the account that it names exactly stands before the others."""

    def read() -> Response:
        page = administration.search_users(runtime.db, q, *which, is_disabled=disabled)
        counts = administration.count_factors(runtime.db, [user.id for user in page.rows])
        listed = [UserInfo.listed(user, counts.get(user.id, {})) for user in page.rows]
        return as_json(UserPage(users=listed, next_cursor=page.next_cursor))

    return await runtime.turns.take(current.sub, read)


@router.post(
    "/users",
    status_code=201,
    response_model=UserInfo,
    summary="Make an account",
    responses=refusals(*ACTS, *BODY, *TAKEN, RateLimited),
)
async def create_account(
    body: UserCreation,
    request: Request,
    runtime: AppRuntime,
    operator: Administrator,
    device: FromDevice,
) -> Response:
    """Make an account. Without a password, a mail asks its user to choose one within a day."""
    wanted = NewUser(
        email=body.email,
        password=body.password or "",
        username=body.username,
        scopes=joined(body.scopes or ()),
        locale=locale_of(request, body.locale),
    )
    inviting = runtime.limits if body.password is None else None
    tools = Tools(runtime.passwords.hasher, runtime.usernames, inviting)
    creating = create_user(runtime.db, tools, wanted, operator)
    account = await runtime.password_pool.carry_out(creating, device.address)
    return as_json(UserInfo.new(account), status=201)


@router.get(
    "/users/{user_id}",
    response_model=UserInfo,
    summary="Show an account",
    responses=refusals(*READS, NotFound),
)
def read_user(user_id: str, runtime: AppRuntime, _: Auditor) -> Response:
    """Return the account."""
    return _user(runtime, user_id)


@router.patch(
    "/users/{user_id}",
    response_model=UserInfo,
    summary="Change an account",
    responses=refusals(*ACTS, *BODY, *TAKEN, NotFound, LastAdministrator),
)
def change_user(
    user_id: str, body: UserChange, runtime: AppRuntime, operator: Administrator
) -> Response:
    """Change what is named, all of it or nothing. A new address and disabling end every session."""
    administration.change_user(runtime.db, user_id, body.as_change(runtime.usernames), operator)
    return _user(runtime, user_id)


@router.delete(
    "/users/{user_id}",
    status_code=204,
    summary="Delete an account",
    responses=refusals(*ACTS, NotFound, LastAdministrator),
)
def delete_user(user_id: str, runtime: AppRuntime, operator: Administrator) -> None:
    """Delete the account and all personal data of it. Every session ends."""
    administration.delete_user(runtime.db, runtime.usernames, user_id, operator)


@router.post(
    "/users/{user_id}/sign-out",
    status_code=204,
    summary="End every session of an account",
    responses=refusals(*ACTS, NotFound),
)
def sign_out_user(user_id: str, runtime: AppRuntime, operator: Administrator) -> None:
    """End every session of the user."""
    administration.sign_out_user(runtime.db, user_id, operator)


@router.post(
    "/users/{user_id}/password-reset",
    status_code=202,
    response_class=Response,
    summary="Send the mail for a new password",
    responses=refusals(*ACTS, NotFound, AccountDisabled, RateLimited),
)
def mail_password_reset(user_id: str, runtime: AppRuntime, operator: Administrator) -> Response:
    """Send the user the mail of a forgotten password. Nothing changes before it is answered."""
    administration.mail_reset(runtime.db, runtime.limits, user_id, operator)
    return Response(status_code=202)


@router.post(
    "/users/{user_id}/factors/reset",
    status_code=204,
    summary="Remove the factors of an account",
    responses=refusals(*ACTS, NotFound),
)
def reset_factors(user_id: str, runtime: AppRuntime, operator: Administrator) -> None:
    """Remove every factor but the password, for a user who has lost them. Every session ends."""
    administration.reset_factors(runtime.db, user_id, operator)


@router.get(
    "/users/{user_id}/sessions",
    response_model=list[SessionInfo],
    summary="List the sessions of an account",
    responses={200: WITH_LINK, **refusals(*READS, NotFound, InvalidField)},
)
async def read_sessions_of(
    user_id: str,
    runtime: AppRuntime,
    current: Auditor,
    cursor: Cursor = None,
    limit: Limit = MOST_LISTED,
) -> Response:
    """The latest used first. `Link` names the next page, if there is one (RFC 8288)."""

    def read() -> Response:
        page = administration.list_sessions_of(runtime.db, user_id, cursor, limit)
        path = f"{router.prefix}/users/{user_id}/sessions"
        return as_session_list(runtime, page, current.sid, path, limit)

    return await runtime.turns.take(current.sub, read)


@router.delete(
    "/users/{user_id}/sessions/{session_id}",
    status_code=204,
    summary="End one session of an account",
    responses=refusals(*ACTS, NotFound),
)
def end_session_of(
    user_id: str, session_id: str, runtime: AppRuntime, operator: Administrator
) -> None:
    """End one session of the user. Another user's is not found."""
    administration.end_session_of(runtime.db, user_id, session_id, operator)


@router.get(
    "/events",
    response_model=EventPage,
    summary="What happened",
    responses=refusals(*READS, InvalidField),
)
async def search_events(
    runtime: AppRuntime,
    current: Auditor,
    wanted: Annotated[WantedEvents, Depends(wanted_events)],
    which: Paging,
) -> Response:
    """What persons and administrators did, the newest first."""

    def read() -> Response:
        return as_json(EventPage.of(administration.search_events(runtime.db, wanted, *which)))

    return await runtime.turns.take(current.sub, read)


def _user(runtime: Runtime, user_id: str) -> Response:
    user = administration.get_user(runtime.db, user_id)
    counts = administration.count_factors(runtime.db, [user_id])
    return as_json(UserInfo.listed(user, counts.get(user_id, {})))
