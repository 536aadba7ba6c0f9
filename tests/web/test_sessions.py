"""GET and DELETE /sessions (docs/http.md)."""

from typing import Any

import pytest

from tests.support.api import Api, Tokens
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.service import Service

DAY = 86400


def listed(api: Api, tokens: Tokens) -> list[dict[str, Any]]:
    return list(api.expect(200, "GET", "/sessions", headers=tokens.bearer).json())


def sids(api: Api, tokens: Tokens) -> set[str]:
    return {session["id"] for session in listed(api, tokens)}


def test_a_session_says_when_and_where_it_began(api: Api) -> None:
    api.client.headers["User-Agent"] = "Lovelace/1.0 (engine)"
    tokens = api.register_and_login()
    assert listed(api, tokens) == [
        {
            "id": tokens.sid,
            "current": True,
            "transport": "bearer",
            "created_at": "2027-01-15T08:00:00.500000Z",
            "last_used_at": "2027-01-15T08:00:00.500000Z",
            "expires_at": "2027-01-22T08:00:00.500000Z",
            "user_agent": "Lovelace/1.0 (engine)",
            "ip": "192.0.2.1",
        }
    ]


def test_the_callers_own_session_is_marked(api: Api) -> None:
    tokens, other = api.register_and_login(), api.login()
    current = {session["id"]: session["current"] for session in listed(api, other)}
    assert current == {tokens.sid: False, other.sid: True}


def test_a_refresh_shows_as_its_last_use(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    clock.advance(DAY)
    [session] = listed(api, api.refreshed(tokens.refresh))
    assert session["created_at"] == "2027-01-15T08:00:00.500000Z"
    assert session["last_used_at"] == "2027-01-16T08:00:00.500000Z"
    assert session["expires_at"] == "2027-01-23T08:00:00.500000Z"


def test_the_latest_used_comes_first(api: Api, clock: TestClock) -> None:
    first = api.register_and_login()
    clock.advance(1)
    second = api.login()
    assert [session["id"] for session in listed(api, second)] == [second.sid, first.sid]
    clock.advance(1)
    api.refreshed(first.refresh)
    assert [session["id"] for session in listed(api, second)] == [first.sid, second.sid]


def test_what_has_ended_is_not_listed(api: Api, clock: TestClock) -> None:
    expired = api.register_and_login()
    clock.advance(8 * DAY)
    revoked, tokens = api.login(), api.login()
    api.expect(204, "POST", "/logout", headers=revoked.bearer)
    assert sids(api, tokens) == {tokens.sid}
    assert expired.sid not in sids(api, tokens)


def test_a_session_is_ended_by_its_id(api: Api) -> None:
    tokens, other = api.register_and_login(), api.login()
    api.expect(204, "DELETE", f"/sessions/{other.sid}", headers=tokens.bearer)
    assert api.verify(other) == 401
    assert api.refresh(other.refresh).status_code == 401
    assert sids(api, tokens) == {tokens.sid}


@sqlite_only
def test_the_callers_own_session_can_be_ended(api: Api) -> None:
    tokens = api.register_and_login()
    api.expect(204, "DELETE", f"/sessions/{tokens.sid}", headers=tokens.bearer)
    assert api.verify(tokens) == 401


@sqlite_only
def test_an_ended_session_is_not_found(api: Api) -> None:
    tokens, other = api.register_and_login(), api.login()
    api.expect(204, "DELETE", f"/sessions/{other.sid}", headers=tokens.bearer)
    api.expect(404, "DELETE", f"/sessions/{other.sid}", headers=tokens.bearer)


@pytest.mark.parametrize(
    "sid",
    [
        *("A" * 22, "A" * 21, "A" * 5000, "%00" * 22, "A" * 21 + "%00", "A" * 21 + "%0A"),
        *("%2e%2e", "..%2f..%2fme", "%ff%fe", "'%20OR%201=1--", "%F0%9F%98%80", "*", "%25"),
    ],
)
def test_no_other_id_is_found(service: Service, sid: str) -> None:
    headers = service.tokens.bearer
    answer = service.api.expect(404, "DELETE", f"/sessions/{sid}", headers=headers)
    assert answer.json()["error"] == "not_found"
    assert sids(service.api, service.tokens) == {service.tokens.sid}


def test_an_id_that_postgresql_minds_is_not_found(api: Api) -> None:
    bearer = api.register_and_login().bearer
    for sid in ("%00" * 22, "A" * 21 + "%00", "%ff%fe", "A" * 22):
        api.expect(404, "DELETE", f"/sessions/{sid}", headers=bearer)


def test_every_other_session_is_ended(api: Api) -> None:
    others, tokens = [api.register_and_login(), api.login()], api.login()
    api.expect(204, "DELETE", "/sessions", headers=tokens.bearer)
    assert [api.verify(other) for other in others] == [401, 401]
    assert [api.refresh(other.refresh).status_code for other in others] == [401, 401]
    assert sids(api, tokens) == {tokens.sid}


@sqlite_only
def test_ending_the_others_leaves_other_users_alone(api: Api) -> None:
    tokens, eve = api.register_and_login(), api.register_and_login("eve@example.com")
    api.expect(204, "DELETE", "/sessions", headers=tokens.bearer)
    assert api.verify(eve) == 204


@sqlite_only
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"x" * 10_000, "x" * 256),
        (b"a\tb\x7f\x80\xa0c", "abc"),
        (b"", None),
        (b"\xff\xfe \xc3\xa9", "\u00ff\u00fe \u00c3\u00a9"),
    ],
)
def test_a_user_agent_is_shown_as_far_as_it_can_be(
    api: Api, sent: bytes, shown: str | None
) -> None:
    api.client.headers = [(b"user-agent", sent)]
    assert listed(api, api.register_and_login())[0]["user_agent"] == shown
