"""What happened to an account: stored with it, shown to its user, forgotten with the person."""

import pytest
from sqlalchemy import text

from authapi.db.database import Database
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.clock import TestClock


def types(api: Api, bearer: dict[str, str], **query: object) -> list[str]:
    page = api.expect(200, "GET", "/me/events", headers=bearer, params=query).json()
    return [event["type"] for event in page["events"]]


def test_a_user_sees_the_own_events_newest_first(api: Api, clock: TestClock) -> None:
    api.register_and_login("somebody@example.com")
    api.register()
    clock.advance(1)
    tokens = api.login()
    assert types(api, tokens.bearer) == ["login_succeeded", "user_registered"]
    (event, _) = api.client.get("/me/events", headers=tokens.bearer).json()["events"]
    assert event["session_id"] == tokens.sid
    assert event["ip"] == "192.0.2.1"
    assert event["request_id"]
    assert event["actor_id"] is None


def test_pages_follow_each_other_whatever_happens_meanwhile(api: Api, clock: TestClock) -> None:
    api.register()
    for _ in range(5):
        clock.advance(1)
        tokens = api.login()
    clock.advance(1)
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = api.client.get("/me/events", headers=tokens.bearer, params=query).json()
        seen += [event["id"] for event in page["events"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        api.login()
    assert len(seen) == len(set(seen)) == 6


@pytest.mark.parametrize("query", ["cursor=x", "cursor=%C3%A4", "limit=0", "limit=101", "limit=x"])
def test_what_is_no_cursor_of_ours_is_422(api: Api, query: str) -> None:
    tokens = api.register_and_login()
    answer = api.client.get(f"/me/events?{query}", headers=tokens.bearer)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][0] == "query"


def test_an_event_without_its_transaction_is_not_stored(api: Api, db: Database) -> None:
    tokens = api.register_and_login()
    body = {"current_password": PASSWORD, "new_password": PASSWORD[:3]}
    api.expect(422, "POST", "/me/password", json=body, headers=tokens.bearer)
    assert "password_changed" not in types(api, tokens.bearer)


def test_an_export_holds_all_that_is_kept(api: Api, clock: TestClock) -> None:
    api.register()
    clock.advance(1)
    tokens = api.login()
    answer = api.expect(200, "GET", "/me/export", headers=tokens.bearer)
    kept = answer.json()
    assert kept["profile"]["email"] == EMAIL
    assert [session["id"] for session in kept["sessions"]] == [tokens.sid]
    assert [event["type"] for event in kept["events"]] == ["login_succeeded", "user_registered"]
    assert kept["factors"] == []
    assert "hash" not in answer.text
    assert answer.headers["content-disposition"].startswith("attachment")


def test_a_deletion_leaves_nothing_of_the_person_in_any_table(api: Api, db: Database) -> None:
    headers = {"User-Agent": "Adas-Browser/7"}
    api.client.headers.update(headers)
    user_id = api.register(username="countess")["id"]
    tokens = api.login()
    api.client.post("/password/forgot", json={"email": EMAIL})
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)
    api.app.state.runtime.mail_sender.send_due()
    with db.connect() as connection:
        tables = connection.engine.dialect.get_table_names(connection)
        rows = {
            name: [str(tuple(row)) for row in connection.execute(text(f"select * from {name}"))]
            for name in tables
        }
    everything = "\n".join(row for found in rows.values() for row in found)
    for personal in (EMAIL, "countess", "Adas-Browser", "192.0.2.1", "argon2"):
        assert personal not in everything
    assert any(user_id in row for row in rows["events"])
