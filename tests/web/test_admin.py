"""Administration over HTTP: each act, what it does to the account, and the event that tells it."""

from typing import Any

import pytest

from tests.support.administration import ADMIN, AUDIT, Admin, account
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.transports import TRANSPORTS, Holder


@pytest.fixture
def admin(api: Api) -> Admin:
    return Admin(api)


@pytest.fixture
def ada(api: Api) -> str:
    return account(api, EMAIL, "read", "ada")


def act_on(admin: Admin, user_id: str) -> dict[str, Any]:
    """Return the event of the one thing that the administrator did to the account."""
    (event,) = [event for event in admin.events(user_id=user_id) if event["actor_id"]]
    assert event["actor_id"] == admin.id
    return event


def test_an_account_is_shown(admin: Admin, ada: str, clock: TestClock) -> None:
    shown = admin.expect(200, "GET", f"/users/{ada}")
    assert shown.pop("created_at")
    assert shown == {
        "id": ada,
        "email": EMAIL,
        "email_verified": False,
        "username": "ada",
        "scopes": ["read"],
        "disabled": False,
        "last_login_at": None,
        "factors": {},
    }


@pytest.mark.parametrize("path", ["", "/sign-out", "/password-reset", "/sessions"])
@pytest.mark.parametrize("user_id", ["A" * 22, "%00", "x"])
def test_an_unknown_id_is_not_found(admin: Admin, path: str, user_id: str) -> None:
    method = "GET" if path in ("", "/sessions") else "POST"
    assert admin.ask(method, f"/users/{user_id}{path}").status_code == 404
    assert admin.ask("DELETE", f"/users/{admin.id}/sessions/{user_id}").status_code == 404


def test_the_last_log_in_is_told_until_its_event_is_purged(
    api: Api, admin: Admin, ada: str, clock: TestClock
) -> None:
    api.login()
    first = admin.expect(200, "GET", f"/users/{ada}")["last_login_at"]
    assert first == admin.events(user_id=ada, type="login_succeeded")[0]["at"]
    clock.advance(5)
    tokens = api.login()
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    assert admin.expect(200, "GET", f"/users/{ada}")["last_login_at"] > first


def test_an_account_is_made_with_a_password(api: Api, admin: Admin) -> None:
    body = {"email": EMAIL, "password": PASSWORD, "username": "ada", "scopes": ["write", "read"]}
    made = admin.expect(201, "POST", "/users", json=body)
    assert (made["username"], made["scopes"], made["disabled"]) == ("ada", ["read", "write"], False)
    assert api.login().body["scope"] == "read write"
    event = admin.events(type="user_created")[0]
    assert (event["user_id"], event["actor_id"]) == (made["id"], admin.id)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": EMAIL}, 409, "already_registered"),
        ({"email": "eve@example.com", "username": "ADA"}, 409, "username_taken"),
        ({"email": "no address"}, 422, "validation_error"),
        ({"email": "eve@example.com", "password": "short"}, 422, "validation_error"),
        ({"email": "eve@example.com", "password": ""}, 422, "validation_error"),
        ({"email": "eve@example.com", "scopes": ["two words"]}, 422, "validation_error"),
        ({"email": "eve@example.com", "scopes": ["authapi:admn"]}, 422, "validation_error"),
    ],
)
def test_an_account_that_cannot_be_made_is_refused(
    admin: Admin, ada: str, body: dict[str, object], status: int, code: str
) -> None:
    assert admin.expect(status, "POST", "/users", json=body)["error"] == code


def test_a_disabled_account_is_out_at_once_and_comes_back(api: Api, admin: Admin, ada: str) -> None:
    tokens = api.login()
    assert admin.change(ada, disabled=True)["disabled"] is True
    assert api.verify(tokens) == 401
    assert api.client.post("/login", json={"email": EMAIL, "password": PASSWORD}).status_code == 401
    assert act_on(admin, ada)["type"] == "user_disabled"
    assert admin.change(ada, disabled=False)["disabled"] is False
    api.login()


def test_other_scopes_are_in_the_next_token(api: Api, admin: Admin, ada: str) -> None:
    tokens = api.login()
    assert admin.change(ada, scopes=["b", "a"])["scopes"] == ["a", "b"]
    assert api.refreshed(tokens.refresh).body["scope"] == "a b"
    event = admin.events(user_id=ada, type="scopes_changed")[0]
    assert event["details"] == {"scopes": "a b"}


@pytest.mark.parametrize("is_verified", [None, False, True])
def test_another_address_ends_every_session(
    api: Api, admin: Admin, ada: str, is_verified: bool | None
) -> None:
    tokens = api.login()
    sent = {} if is_verified is None else {"email_verified": is_verified}
    changed = admin.change(ada, email="ada@new.example", **sent)
    assert (changed["email"], changed["email_verified"]) == ("ada@new.example", bool(is_verified))
    assert api.verify(tokens) == 401
    api.login("ada@new.example")


def test_an_address_is_verified_or_not_without_another_effect(
    api: Api, admin: Admin, ada: str
) -> None:
    tokens = api.login()
    assert admin.change(ada, email_verified=True)["email_verified"] is True
    assert admin.change(ada, email_verified=False)["email_verified"] is False
    assert api.verify(tokens) == 204
    kinds = {event["type"] for event in admin.events(user_id=ada) if event["actor_id"]}
    assert kinds == {"email_unverified", "email_verified"}


def test_a_username_is_changed_and_taken_away(api: Api, admin: Admin, ada: str) -> None:
    assert admin.change(ada, username="countess")["username"] == "countess"
    assert admin.change(ada, email_verified=True)["username"] == "countess"
    assert admin.change(ada, username=None)["username"] is None


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"email": "eve@example.com"}, 409, "already_registered"),
        ({"username": "EVE"}, 409, "username_taken"),
        ({"username": ""}, 422, "validation_error"),
        ({"email": "eve"}, 422, "validation_error"),
        ({"disabled": "yes"}, 422, "validation_error"),
        ({"email_verified": "yes"}, 422, "validation_error"),
        ({"scopes": "a"}, 422, "validation_error"),
        ({"password": PASSWORD}, 422, "validation_error"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    api: Api, admin: Admin, ada: str, change: dict[str, object], status: int, code: str
) -> None:
    account(api, "eve@example.com", username="eve")
    before = admin.expect(200, "GET", f"/users/{ada}")
    body = {"scopes": ["more"], **change}
    assert admin.expect(status, "PATCH", f"/users/{ada}", json=body)["error"] == code
    assert admin.expect(200, "GET", f"/users/{ada}") == before
    assert admin.events(user_id=ada) == []


def test_what_is_already_so_is_no_event(api: Api, admin: Admin, ada: str) -> None:
    tokens = api.login()
    count = len(admin.events(user_id=ada))
    same = {"disabled": False, "scopes": ["read"], "email": EMAIL, "username": "ada"}
    admin.change(ada, **same, email_verified=False)
    assert len(admin.events(user_id=ada)) == count
    assert api.verify(tokens) == 204


def test_a_deleted_account_is_gone(api: Api, admin: Admin, ada: str) -> None:
    tokens = api.login()
    admin.expect(204, "DELETE", f"/users/{ada}")
    assert api.verify(tokens) == 401
    assert admin.ask("GET", f"/users/{ada}").status_code == 404
    assert act_on(admin, ada)["type"] == "account_deleted"


def test_every_session_of_a_user_is_ended(api: Api, admin: Admin, ada: str) -> None:
    tokens = [api.login(), api.login()]
    admin.expect(204, "POST", f"/users/{ada}/sign-out")
    assert [api.verify(one) for one in tokens] == [401, 401]
    assert act_on(admin, ada)["details"] == {"reason": "signed_out_by_operator"}


def test_one_session_of_a_user_is_ended(api: Api, admin: Admin, ada: str) -> None:
    first, second = api.login(), api.login()
    listed = admin.expect(200, "GET", f"/users/{ada}/sessions")
    assert {one["id"] for one in listed} == {first.sid, second.sid}
    assert not any(one["current"] for one in listed)
    admin.expect(204, "DELETE", f"/users/{ada}/sessions/{first.sid}")
    assert (api.verify(first), api.verify(second)) == (401, 204)
    admin.expect(404, "DELETE", f"/users/{ada}/sessions/{first.sid}")
    admin.expect(404, "DELETE", f"/users/{admin.id}/sessions/{second.sid}")
    assert act_on(admin, ada)["details"]["sids"] == [first.sid]


def test_the_sessions_of_a_user_are_paged(api: Api, admin: Admin, ada: str) -> None:
    sids = {api.login().sid for _ in range(3)}
    first = admin.ask("GET", f"/users/{ada}/sessions", params={"limit": 2})
    link = first.headers["Link"]
    assert link.startswith(f"</admin/users/{ada}/sessions?cursor=")
    second = api.client.get(link[1 : link.index(">")], headers=admin.tokens.bearer)
    assert {one["id"] for one in [*first.json(), *second.json()]} == sids


def test_events_are_found_by_user_type_and_moment(
    api: Api, admin: Admin, ada: str, clock: TestClock
) -> None:
    api.login()
    clock.advance(1.25)
    api.login()
    latest, first = admin.events(user_id=ada, type="login_succeeded")
    assert admin.events(user_id=ada, since=latest["at"]) == [latest]
    assert admin.events(type="login_succeeded", since=latest["at"]) == [latest]
    assert admin.events(since=latest["at"]) == [latest]
    assert admin.events(since=latest["at"].lower()) == [latest]  # RFC 3339 section 5.6
    assert first in admin.events()
    assert admin.events(user_id=admin.id, type="user_disabled") == []
    page = admin.expect(200, "GET", "/events", params={"limit": 1})
    rest = admin.events(cursor=page["next_cursor"])
    assert page["events"] + rest == admin.events()


@pytest.mark.parametrize(
    "query",
    [
        *({"type": "made_up"}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}),
        *({"cursor": "x"}, {"limit": "0"}, {"limit": "101"}, {"user_id": "\0"}),
        *({"user_id": "x" * 65}, {"since": "0.5"}, {"since": "1800000000"}, {"since": "null"}),
    ],
)
def test_a_senseless_question_for_events_is_refused(admin: Admin, query: dict[str, str]) -> None:
    admin.expect(422, "GET", "/events", params=query)


@pytest.mark.parametrize("word", ["1", "0", "on", "yes", "True", "null", ""])
def test_what_the_document_calls_no_boolean_is_refused(admin: Admin, word: str) -> None:
    admin.expect(422, "GET", "/users", params={"disabled": word})


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_each_transport_administers(api: Api, admin: Admin, ada: str, transport: str) -> None:
    holder = Holder(api, transport).log_in(admin.email)
    assert holder.status("GET", "/admin/users") == 200
    assert holder.status("PATCH", f"/admin/users/{ada}", json={"disabled": True}) == 200
    assert holder.status("POST", f"/admin/users/{ada}/sign-out") == 204


@sqlite_only
def test_a_user_does_not_learn_from_where_an_administrator_acted(
    api: Api, admin: Admin, ada: str
) -> None:
    tokens: Tokens = api.login()
    admin.change(ada, email_verified=True)
    assert act_on(admin, ada)["ip"] == "192.0.2.1"
    for path in ("/me/events", "/me/export"):
        told = api.expect(200, "GET", path, headers=tokens.bearer).json()["events"]
        (act,) = [event for event in told if event["actor_id"]]
        assert (act["actor_id"], act["ip"], act["user_agent"]) == (admin.id, None, None)


@sqlite_only
def test_an_auditor_reads(api: Api, ada: str) -> None:
    auditor = Admin(api, "auditor@example.com", AUDIT)
    assert {user["email"] for user in auditor.users()} == {EMAIL, auditor.email}
    assert auditor.events(type="login_succeeded")
    assert ADMIN not in auditor.tokens.body["scope"]


@sqlite_only
def test_a_field_that_is_not_known_and_a_body_full_of_them_are_refused(
    admin: Admin, ada: str
) -> None:
    before = admin.expect(200, "GET", f"/users/{ada}")
    unknown: dict[str, object] = {"password_hash": "x", "created_at": 0, "factors": {}, "id": "A"}
    for name, value in unknown.items():
        body = {name: value}
        assert admin.ask("PATCH", f"/users/{ada}", json=body).status_code == 422
        made = admin.ask("POST", "/users", json=body | {"email": "eve@example.com"})
        assert made.status_code == 422
    full = {f"{number:x}": 0 for number in range(6_000)}
    for method, path in (("PATCH", f"/users/{ada}"), ("POST", "/users")):
        refused = admin.ask(method, path, json=full)
        assert refused.json()["errors"][0]["type"] == "too_many_members"
        assert len(refused.content) < 2048
    assert admin.expect(200, "GET", f"/users/{ada}") == before
