"""What is kept about the user who asks: events, and everything as one document."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from authapi.errors import InvalidField
from authapi.services.accounts.export import export_account
from authapi.services.events.history import list_events
from authapi.verifier import Claims
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import AppRuntime, CurrentSubject
from authapi.web.event_schemas import EventInfo, EventPage, Export, PendingMail
from authapi.web.factor_schemas import FactorInfo
from authapi.web.openapi.document import CREDENTIAL, refusals
from authapi.web.responses import as_json
from authapi.web.runtime import Runtime
from authapi.web.schemas import Profile, SessionInfo

MOST_LISTED, USUALLY_LISTED = 100, 50
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED, description="The most events of the page.")]

router = APIRouter(route_class=StrictRoute, prefix="/me", tags=["me"])


@router.get(
    "/events",
    response_model=EventPage,
    summary="What happened to the account",
    responses=refusals(*CREDENTIAL, InvalidField),
)
def read_events(
    runtime: AppRuntime,
    current: CurrentSubject,
    cursor: Cursor = None,
    limit: Limit = USUALLY_LISTED,
) -> Response:
    """Return what happened to the account, the newest first."""
    page = list_events(runtime.db, current.sub, cursor, limit)
    events = [EventInfo.of(event) for event in page.rows]
    return as_json(EventPage(events=events, next_cursor=page.next_cursor))


@router.get(
    "/export",
    response_model=Export,
    summary="Everything that is kept about the user",
    responses=refusals(*CREDENTIAL),
)
async def export_own_data(runtime: AppRuntime, current: CurrentSubject) -> Response:
    """Return all that is kept about the person."""
    async with runtime.turns.turn(current.sub):
        return await run_in_threadpool(_export, runtime, current)


def _export(runtime: Runtime, current: Claims) -> Response:
    kept = export_account(runtime.db, current.sub)
    body = Export(
        profile=Profile.of(kept.account),
        sessions=[SessionInfo.of(session, current.sid) for session in kept.sessions],
        factors=[FactorInfo.of(factor) for factor in kept.factors],
        pending_mails=[PendingMail.of(link) for link in kept.links],
        events=[EventInfo.of(event) for event in kept.events],
    )
    response = as_json(body)
    response.headers["Content-Disposition"] = 'attachment; filename="account.json"'
    return response
