"""What is kept about the user who asks: events, and everything as one document."""

from fastapi import APIRouter, Response

from authapi.errors import InvalidField
from authapi.services.accounts.export import export_account
from authapi.services.events.history import list_events
from authapi.verifier import Claims
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import AppRuntime, CurrentSubject, Paging
from authapi.web.event_schemas import EventInfo, EventPage, Export, PendingMail
from authapi.web.factor_schemas import FactorInfo
from authapi.web.openapi.document import CREDENTIAL, refusals
from authapi.web.responses import as_json
from authapi.web.runtime import Runtime
from authapi.web.schemas import Profile, SessionInfo

router = APIRouter(route_class=StrictRoute, prefix="/me", tags=["me"])


@router.get(
    "/events",
    response_model=EventPage,
    summary="What happened to the account",
    responses=refusals(*CREDENTIAL, InvalidField),
)
async def read_events(runtime: AppRuntime, current: CurrentSubject, which: Paging) -> Response:
    """Return what happened to the account, the newest first."""

    def read() -> Response:
        return as_json(EventPage.of(list_events(runtime.db, current.sub, *which)))

    return await runtime.turns.take(current.sub, read)


@router.get(
    "/export",
    response_model=Export,
    summary="Everything that is kept about the user",
    responses=refusals(*CREDENTIAL),
)
async def export_own_data(runtime: AppRuntime, current: CurrentSubject) -> Response:
    """Return all that is kept about the person."""
    return await runtime.turns.take(current.sub, lambda: _export(runtime, current))


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
