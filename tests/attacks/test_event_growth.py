"""The kind: rows that anybody can add without end, or read with a value that the database can't."""

import struct
from base64 import urlsafe_b64encode
from math import inf, nan

import pytest
from sqlalchemy import func, select

from authapi.db.models import Event
from tests.support.api import Api
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import log_in_with, with_app


def count_events(api: Api) -> int:
    with api.app.state.runtime.db.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(Event)).scalar_one())


@sqlite_only
def test_a_log_out_of_a_session_that_has_ended_adds_no_event(api: Api) -> None:
    tokens = api.register_and_login()
    body = {"refresh_token": tokens.refresh}
    api.expect(204, "POST", "/logout", json=body)
    before = count_events(api)
    for _ in range(3):
        api.expect(204, "POST", "/logout", json=body)
        api.expect(204, "POST", "/logout", headers=tokens.bearer)
    assert count_events(api) == before


@sqlite_only
def test_to_end_no_other_session_adds_no_event(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    api.login()
    clock.advance(1)
    api.expect(204, "DELETE", "/sessions", headers=tokens.bearer)
    before = count_events(api)
    for _ in range(3):
        api.expect(204, "DELETE", "/sessions", headers=tokens.bearer)
    assert count_events(api) == before


IDS = [b"\0" * 22, b"x" * 21 + b" ", b"\xff" * 22]
MOMENTS = [nan, inf, -inf]


@pytest.mark.parametrize(
    "place", [*((1.0, bad) for bad in IDS), *((bad, b"x" * 22) for bad in MOMENTS)]
)
def test_a_forged_cursor_of_events_is_refused(api: Api, place: tuple[float, bytes]) -> None:
    tokens = api.register_and_login()
    cursor = urlsafe_b64encode(struct.pack(">d22s", *place)).decode()
    api.expect(422, "GET", f"/me/events?cursor={cursor}", headers=tokens.bearer)


FACTOR_CHANGES = {"PATCH": "/me/factors/{id}", "POST": "/me/recovery-codes"}


@sqlite_only
@pytest.mark.parametrize("method", FACTOR_CHANGES)
def test_changes_of_factors_end_for_the_hour(
    api: Api, clock: TestClock, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """A second factor is there, so each adds an event. To remove one stays possible."""
    monkeypatch.setattr("authapi.services.factors.changes.MOST_AN_HOUR", 5)
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    before = count_events(api)

    def change() -> int:
        path = FACTOR_CHANGES[method].format(id=app.id)
        body = {"name": "mine"} if method == "PATCH" else None
        return api.client.request(method, path, json=body, headers=tokens.bearer).status_code

    statuses = [change() for _ in range(8)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert count_events(api) - before <= 5
    clock.advance(3600)
    tokens = log_in_with(api, app)
    assert change() == 200
    for _ in range(8):
        change()
    api.expect(204, "DELETE", f"/me/factors/{app.id}", headers=tokens.bearer)
