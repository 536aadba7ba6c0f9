"""One file a group of routes. A route reads, calls one service and hands back."""

from collections.abc import Iterator

from fastapi import APIRouter

from authapi.config import Settings
from authapi.web.openapi.docs_page import docs_router
from authapi.web.pages import routes as pages
from authapi.web.routers import (
    accounts,
    admin,
    client_script,
    factors,
    health,
    identities,
    links,
    me,
    metrics,
    own_data,
    passkeys,
    revocations,
    sessions,
    tokens,
    well_known,
)


def routers_of(settings: Settings) -> Iterator[APIRouter]:
    """Yield every router that these settings ask for, in the order of the OpenAPI document."""
    ways_in = (accounts, links, tokens, passkeys, identities, me, factors)
    for group in (*ways_in, own_data, sessions, admin, well_known, revocations, health):
        yield group.router
    if settings.metrics:
        yield metrics.router
    yield client_script.router
    yield pages.router
    if settings.docs:
        yield docs_router()
