"""The public revocation feed, for services that verify our access tokens."""

import asyncio
import json
from contextlib import suppress
from hashlib import sha256
from math import isfinite
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from authapi.errors import BadRequest, InvalidField, Unavailable
from authapi.services.revocation.pages import Page
from authapi.verifier import VerifierNotReadyError
from authapi.web.dependencies import AppRuntime
from authapi.web.openapi.document import NOT_MODIFIED, refusals
from authapi.web.responses import ANSWERED_EARLY, cacheable, etag_of
from authapi.web.schemas import RevocationPage
from authapi.web.whole_window import LEAST_KEPT_SESSIONS, Document

router = APIRouter(tags=["for services"])

MAX_WAIT_SECONDS = 30
# Of 4,096 pieces. A turn takes a tenth of a millisecond while 100,000 sessions are revoked.
PIECES_A_TURN = 16

Since = Annotated[str | None, Query(description="The `cursor` of an earlier answer.")]
Wait = Annotated[
    float, Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for something new.")
]


@router.get(
    "/revocations",
    summary="Which sessions and keys to refuse",
    response_model=RevocationPage,
    responses={**NOT_MODIFIED, **refusals(BadRequest, InvalidField)},
)
async def revocations(
    request: Request, runtime: AppRuntime, since: Since = None, wait: Wait = 0
) -> Response:
    """Without `since` the whole window; with it what is new, some of it perhaps twice.

    Unite what you are given. `until` (Unix seconds) is when an entry may be forgotten. With
    `wait` an answer without news comes only after that many seconds, or at once while too many
    others wait.
    """
    feed = runtime.revocations
    seen = None if since is None else _parse_cursor(since)
    try:
        if wait and seen is not None:
            address = request.client.host if request.client else ""
            with feed.pages.places.place(address) as has_place:
                setattr(request.state, ANSWERED_EARLY, not has_place)
                if has_place:
                    await feed.pages.wait_for_news(seen, wait)
        page = feed.page(seen)
    except VerifierNotReadyError as error:
        raise Unavailable from error
    if page.is_whole and len(feed) >= LEAST_KEPT_SESSIONS:
        response = await runtime.whole_window.answer(request, lambda: _write(page))
    else:
        document = await _write(page)
        response = cacheable(request, document.content, etag=document.etag)
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _parse_cursor(cursor: str) -> float:
    with suppress(ValueError):
        if isfinite(moment := float(cursor)):
            return moment
    raise BadRequest("`since` is not a cursor of ours.")


async def _write(page: Page) -> Document:
    sessions, digest = [], sha256()
    for number, piece in enumerate(page.session_members(), 1):
        sessions.append(piece)
        digest.update(piece)
        if number % PIECES_A_TURN == 0:
            await asyncio.sleep(0)  # the window may be megabytes: let other requests have a turn
    others = _json({"reissued": dict(sorted(page.reissued.items())), "keys": page.keys})[1:]
    digest.update(others)
    times = _json({"as_of": page.as_of, "cursor": repr(page.as_of)})[:-1]
    content = b'%b,"sessions":{%b},%b' % (times, b",".join(sessions), others)
    # Weak, and without the times: they change at each poll, whether or not there is news.
    return Document(content, etag=f"W/{etag_of(digest.hexdigest())}")


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
