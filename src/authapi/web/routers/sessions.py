"""List and end the sessions of the user who asks."""

from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query, Response

from authapi.db.pages import Page
from authapi.db.sessions import StoredSession
from authapi.errors import InsufficientUserAuthentication, InvalidField, NotFound
from authapi.services.sessions.listing import list_sessions
from authapi.services.sessions.logout import end_other_sessions, end_session
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import MOST_LISTED, AppRuntime, CurrentSubject, Limit
from authapi.web.openapi.document import CHANGE, CREDENTIAL, refusals
from authapi.web.responses import as_json_list
from authapi.web.runtime import Runtime
from authapi.web.schemas import SessionInfo

Cursor = Annotated[str | None, Query(description="From the `Link` of the page before.")]
LINK = {"schema": {"type": "string"}, "description": 'The next page, with `rel="next"`.'}
WITH_LINK: dict[str, Any] = {"headers": {"Link": LINK}}

router = APIRouter(route_class=StrictRoute, prefix="/sessions", tags=["sessions"])


@router.get(
    "",
    summary="List the sessions",
    response_model=list[SessionInfo],
    responses={200: WITH_LINK, **refusals(*CREDENTIAL, InvalidField)},
)
async def read_sessions(
    runtime: AppRuntime, current: CurrentSubject, cursor: Cursor = None, limit: Limit = MOST_LISTED
) -> Response:
    """The latest used first. `Link` names the next page, if there is one (RFC 8288)."""

    def read() -> Response:
        page = list_sessions(runtime.db, current.sub, cursor, limit)
        return as_session_list(runtime, page, current.sid, router.prefix, limit)

    return await runtime.turns.take(current.sub, read)


def as_session_list(
    runtime: Runtime, page: Page[StoredSession], current_sid: str, path: str, limit: int
) -> Response:
    """Return the page as the answer of the route at `path`, with a link to the next one."""
    response = as_json_list([SessionInfo.of(row, current_sid) for row in page.rows])
    if page.next_cursor:
        path = urlsplit(runtime.settings.public_url).path + path
        query = urlencode({"cursor": page.next_cursor, "limit": limit})
        response.headers["Link"] = f'<{path}?{query}>; rel="next"'
    return response


@router.delete(
    "",
    status_code=204,
    summary="End every session but this one",
    responses=refusals(*CHANGE, InsufficientUserAuthentication),
)
def end_others(runtime: AppRuntime, current: CurrentSubject) -> None:
    """End every session of the user but that of the credential."""
    end_other_sessions(runtime.db, runtime.settings, current)


@router.delete(
    "/{session_id}",
    status_code=204,
    summary="End one session",
    responses=refusals(*CHANGE, InsufficientUserAuthentication, NotFound),
)
def end_one(session_id: str, runtime: AppRuntime, current: CurrentSubject) -> None:
    """End one session of the user. Another user's is not found."""
    end_session(runtime.db, runtime.settings, current, session_id)
