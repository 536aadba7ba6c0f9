"""Administration over HTTP: what every act tells, and every refusal of a value."""

import pytest

from authapi.errors import InvalidToken
from authapi.services.accounts.administration import (
    Actor,
    Change,
    Operator,
    change_user,
    get_user,
    sign_out_user,
)
from authapi.services.accounts.deletion import Deletion, delete_account
from authapi.services.accounts.devices import Device
from tests.support.administration import Admin, account, as_subject, runtime_of
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only


@pytest.fixture
def admin(api: Api) -> Admin:
    return Admin(api)


@pytest.fixture
def ada(api: Api) -> str:
    return account(api, EMAIL, "read", "ada")


MEMBERS: list[tuple[str, str, dict[str, object], str]] = [
    ("PATCH", "/admin/users/{id}", {"scopes": ["authapi:x"]}, "scopes"),
    ("PATCH", "/admin/users/{id}", {"scopes": ["two words"]}, "scopes"),
    ("PATCH", "/admin/users/{id}", {"scopes": [f"scope-{n}" for n in range(300)]}, "scopes"),
    ("PATCH", "/admin/users/{id}", {"email": "no address"}, "email"),
    ("PATCH", "/admin/users/{id}", {"username": "an@address"}, "username"),
    ("POST", "/admin/users", {"email": "no address"}, "email"),
    ("POST", "/admin/users", {"email": "e@example.com", "username": "@"}, "username"),
    ("POST", "/admin/users", {"email": "e@example.com", "password": "short"}, "password"),
    ("POST", "/admin/users", {"email": "e@example.com", "scopes": ["authapi:x"]}, "scopes"),
    ("POST", "/register", {"email": "no address", "password": PASSWORD}, "email"),
    ("POST", "/register", {"email": "e@example.com", "password": "short"}, "password"),
    ("PATCH", "/me", {"username": "an@address"}, "username"),
    ("POST", "/me/email", {"password": PASSWORD, "email": "no address"}, "email"),
    (
        "POST",
        "/me/password",
        {"current_password": PASSWORD, "new_password": "short"},
        "new_password",
    ),
    ("POST", "/password/forgot", {"email": "no address"}, "email"),
    ("POST", "/email/verify/resend", {"email": "no address"}, "email"),
]


@sqlite_only
def test_a_refused_value_is_told_at_the_member_that_was_sent(admin: Admin, ada: str) -> None:
    for method, path, body, member in MEMBERS:
        url, headers = path.format(id=ada), admin.tokens.bearer
        answer = admin.api.client.request(method, url, json=body, headers=headers)
        assert answer.status_code == 422, (path, body)
        told = [error["loc"] for error in answer.json()["errors"]]
        assert told == [["body", member]], (path, body)


EACH_ACT = [
    *("sessions_revoked", "scopes_changed", "username_changed", "email_verified"),
    *("email_unverified", "email_changed", "all_sessions_revoked", "password_reset_mailed"),
    *("user_disabled", "user_enabled", "account_deleted"),
]


@sqlite_only
def test_each_act_is_an_event_that_says_who_did_it_and_from_where(
    api: Api, admin: Admin, ada: str
) -> None:
    sid = api.login().sid
    api.client.headers["User-Agent"] = "Desk/1"
    admin.expect(204, "DELETE", f"/users/{ada}/sessions/{sid}")
    admin.change(ada, scopes=["write"])
    admin.change(ada, username="countess")
    admin.change(ada, email_verified=True)
    admin.change(ada, email_verified=False)
    admin.change(ada, email="ada@new.example")
    admin.expect(204, "POST", f"/users/{ada}/sign-out")
    admin.expect(202, "POST", f"/users/{ada}/password-reset")
    admin.change(ada, disabled=True)
    admin.change(ada, disabled=False)
    acts = [event for event in admin.events(user_id=ada) if event["actor_id"]]
    assert {(each["actor_id"], each["ip"], each["user_agent"]) for each in acts} == {
        (admin.id, "192.0.2.1", "Desk/1")
    }
    admin.expect(204, "DELETE", f"/users/{ada}")
    acts = [event for event in admin.events(user_id=ada) if event["actor_id"] == admin.id]
    assert sorted(event["type"] for event in acts) == sorted(EACH_ACT)


@sqlite_only
def test_a_password_that_is_being_proven_is_worth_nothing_under_another_address(
    api: Api, admin: Admin, ada: str
) -> None:
    runtime = runtime_of(api)
    wanted = Deletion(as_subject(ada), PASSWORD, "192.0.2.1")
    deleting = delete_account(runtime.db, runtime.passwords, runtime.usernames, wanted)
    compute = next(deleting)
    admin.change(ada, email="ada@new.example")
    with pytest.raises(InvalidToken):
        deleting.send(compute())


def test_an_administrator_who_was_logged_out_meanwhile_acts_no_more(admin: Admin, ada: str) -> None:
    """The token was verified while the session was in force."""
    db = runtime_of(admin.api).db
    subject = as_subject(admin.id, admin.tokens.sid)
    operator = Operator(actor=Actor(subject, Device("192.0.2.1", None), "en"))
    change_user(db, ada, Change(scopes="read"), operator)
    sign_out_user(db, admin.id)
    with pytest.raises(InvalidToken):
        change_user(db, ada, Change(scopes="write"), operator)
    assert get_user(db, ada).scopes == "read"
