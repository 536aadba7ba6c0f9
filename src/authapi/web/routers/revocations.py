"""The revocation feed: what other services must refuse although it has not expired. Public."""

import json
from math import isfinite
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from authapi.errors import BadRequest, InvalidField, Unavailable
from authapi.services.revocation_feed import Page
from authapi.verifier import VerifierNotReadyError
from authapi.web.caching import etag_of, has_current
from authapi.web.dependencies import AppParts
from authapi.web.openapi import refusals
from authapi.web.schemas import RevocationPage

router = APIRouter(tags=["for services"])

MAX_WAIT = 30

Since = Annotated[str | None, Query(description="The `cursor` of an earlier answer.")]
Wait = Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for something new.")]


@router.get(
    "/revocations",
    summary="Which sessions and keys to refuse",
    response_model=RevocationPage,
    responses={
        304: {"description": "Nothing has changed."},
        **refusals(BadRequest, InvalidField),
    },
)
async def revocations(
    request: Request, parts: AppParts, since: Since = None, wait: Wait = 0
) -> Response:
    """Without `since` the whole window; with it what is new, some of it perhaps twice.

    Unite what you are given. `until` (Unix seconds) is when an entry may be forgotten. With
    `wait` an answer without news comes only after that many seconds.
    """
    feed = parts.revocations
    seen = None if since is None else _as_of(since)
    try:
        if wait and seen is not None:
            await feed.changed.wait_for(lambda: feed.news_at > seen, wait)
        page = feed.page(seen)
    except VerifierNotReadyError as error:
        raise Unavailable from error
    return _answer(request, page)


def _as_of(cursor: str) -> float:
    try:
        moment = float(cursor)
    except ValueError as error:
        raise BadRequest("`since` is not a cursor of ours.") from error
    if not isfinite(moment):
        raise BadRequest("`since` is not a cursor of ours.")
    return moment


def _answer(request: Request, page: Page) -> Response:
    content = {"sessions": page.sessions, "reissued": page.reissued, "keys": page.keys}
    # Of the content, not of the time at which it was read: that passes whatever happens.
    etag = "W/" + etag_of(json.dumps(content, sort_keys=True).encode())
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if has_current(request, etag):
        return Response(status_code=304, headers=headers)
    body = {"as_of": page.as_of, "cursor": repr(page.as_of), **content}
    return Response(json.dumps(body), media_type="application/json", headers=headers)
