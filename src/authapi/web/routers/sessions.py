"""List and end the sessions of the user who asks."""

from fastapi import APIRouter

from authapi.errors import NotFound
from authapi.services.sessions.logout import end_other_sessions, end_session, list_sessions
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import AppRuntime, CurrentSubject
from authapi.web.openapi.document import CHANGE, CREDENTIAL, refusals
from authapi.web.schemas import SessionInfo

router = APIRouter(route_class=StrictRoute, prefix="/sessions", tags=["sessions"])


@router.get("", summary="List the sessions", responses=refusals(*CREDENTIAL))
def read_sessions(runtime: AppRuntime, current: CurrentSubject) -> list[SessionInfo]:
    return [SessionInfo.of(row, current.sid) for row in list_sessions(runtime.db, current.sub)]


@router.delete(
    "", status_code=204, summary="End every session but this one", responses=refusals(*CHANGE)
)
def end_others(runtime: AppRuntime, current: CurrentSubject) -> None:
    end_other_sessions(runtime.db, current.sub, current.sid)


@router.delete(
    "/{session_id}",
    status_code=204,
    summary="End one session",
    responses=refusals(*CHANGE, NotFound),
)
def end_one(session_id: str, runtime: AppRuntime, current: CurrentSubject) -> None:
    end_session(runtime.db, current.sub, session_id)
