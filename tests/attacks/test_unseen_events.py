"""The kind: an attack that the user can't find among the events of the account."""

from tests.support.api import Api, Tokens
from tests.support.databases import sqlite_only

pytestmark = sqlite_only


def types(api: Api, tokens: Tokens) -> list[tuple[str, str | None]]:
    events = api.expect(200, "GET", "/me/events", headers=tokens.bearer).json()["events"]
    return [(event["type"], event["session_id"]) for event in events]


def test_a_replay_is_among_the_events_of_the_user(api: Api) -> None:
    stolen = api.register_and_login()
    api.refreshed(stolen.refresh)
    assert api.refresh(stolen.refresh).status_code == 401
    assert ("refresh_token_replayed", stolen.sid) in types(api, api.login())


def test_a_session_that_was_ended_is_among_the_events_of_the_user(api: Api) -> None:
    mine, other = api.register_and_login(), api.login()
    api.expect(204, "DELETE", f"/sessions/{other.sid}", headers=mine.bearer)
    assert "sessions_revoked" in dict(types(api, mine))


def test_a_log_out_is_among_the_events_of_the_user(api: Api) -> None:
    mine, other = api.register_and_login(), api.login()
    api.expect(204, "POST", "/logout", headers=other.bearer)
    assert "sessions_revoked" in dict(types(api, mine))
