"""POST /me/password and /me/delete (docs/http.md)."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import select

from authapi.db.database import Database
from authapi.db.models import Session, User
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only

NEW = "a new and much longer phrase"


def change(api: Api, tokens: Tokens) -> Tokens:
    body = {"current_password": PASSWORD, "new_password": NEW}
    return Tokens(api.expect(200, "POST", "/me/password", headers=tokens.bearer, json=body).json())


def claims_of(tokens: Tokens) -> dict[str, Any]:
    payload = tokens.access.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "==")))


def delete(api: Api, tokens: Tokens, status: int, password: str = PASSWORD) -> None:
    body = {"password": password}
    api.expect(status, "POST", "/me/delete", headers=tokens.bearer, json=body)


def can_log_in(api: Api, password: str = PASSWORD) -> bool:
    answer = api.client.post("/login", json={"email": EMAIL, "password": password})
    return answer.status_code == 200


def test_after_a_change_the_new_password_logs_in_and_the_old_one_does_not(api: Api) -> None:
    change(api, api.register_and_login())
    assert can_log_in(api, NEW)
    assert not can_log_in(api)


def test_a_changed_password_ends_every_other_session(api: Api) -> None:
    tokens, other = api.register_and_login(), api.login()
    change(api, tokens)
    assert api.verify(other) == 401
    assert api.refresh(other.refresh).status_code == 401


def test_a_changed_password_ends_the_session_that_did_it_and_opens_another(
    api: Api, clock: TestClock
) -> None:
    """The session that did it may be the one that a thief has copied."""
    tokens = api.register_and_login()
    clock.advance(100)
    new = change(api, tokens)
    assert new.sid != tokens.sid
    assert api.verify(tokens) == 401
    assert api.refresh(tokens.refresh).status_code == 401
    assert api.verify(new) == 204
    assert api.refreshed(new.refresh).sid == new.sid
    assert claims_of(new)["auth_time"] == int(clock())
    listed = api.expect(200, "GET", "/sessions", headers=new.bearer).json()
    assert [session["id"] for session in listed] == [new.sid]


@sqlite_only
def test_a_wrong_current_password_changes_nothing(api: Api) -> None:
    tokens, other = api.register_and_login(), api.login()
    body = {"current_password": PASSWORD + "x", "new_password": NEW}
    answer = api.expect(403, "POST", "/me/password", headers=tokens.bearer, json=body)
    assert answer.json()["error"] == "invalid_credentials"
    assert can_log_in(api)
    assert api.verify(other) == 204


@sqlite_only
@pytest.mark.parametrize("new", ["short", "password1", "x" * 257, "ada12345", "a\0b and so on", ""])
def test_a_new_password_keeps_the_rules(api: Api, new: str) -> None:
    tokens = api.register_and_login()
    body = {"current_password": PASSWORD, "new_password": new}
    answer = api.expect(422, "POST", "/me/password", headers=tokens.bearer, json=body)
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", "new_password"]]
    assert can_log_in(api)


@sqlite_only
@pytest.mark.parametrize("left_out", ["current_password", "new_password"])
def test_a_change_needs_both_passwords(api: Api, left_out: str) -> None:
    tokens = api.register_and_login()
    body = {"current_password": PASSWORD, "new_password": NEW}
    del body[left_out]
    api.expect(422, "POST", "/me/password", headers=tokens.bearer, json=body)
    assert can_log_in(api)


def test_a_deleted_account_is_gone(api: Api) -> None:
    tokens, other = api.register_and_login(), api.login()
    delete(api, tokens, 204)
    assert not can_log_in(api)
    for session in (tokens, other):
        assert api.verify(session) == 401
        assert api.refresh(session.refresh).status_code == 401
        api.expect(401, "GET", "/me", headers=session.bearer)


def test_a_deleted_account_leaves_no_personal_data(api: Api, db: Database) -> None:
    api.register(username="ada")
    delete(api, api.login(), 204)
    with db.connect() as connection:
        assert connection.scalars(select(User.id)).all() == []
        rows = [tuple(row) for row in connection.execute(select(Session.ip, Session.user_agent))]
    assert rows == [(None, None)]


@sqlite_only
def test_a_deleted_account_can_be_registered_again_as_another(api: Api) -> None:
    first = api.register(username="ada")
    old = api.login()
    delete(api, old, 204)
    second = api.register(username="countess")  # the old one rests
    assert second["id"] != first["id"]
    api.expect(401, "GET", "/me", headers=old.bearer)


@sqlite_only
def test_a_wrong_password_deletes_nothing(api: Api) -> None:
    tokens = api.register_and_login()
    body = {"password": PASSWORD + "x"}
    answer = api.expect(403, "POST", "/me/delete", headers=tokens.bearer, json=body)
    assert answer.json()["error"] == "invalid_credentials"
    assert api.verify(tokens) == 204


@sqlite_only
def test_deleting_leaves_other_users_alone(api: Api) -> None:
    other = api.register_and_login("eve@example.com")
    delete(api, api.register_and_login(), 204)
    assert api.client.get("/me", headers=other.bearer).json()["email"] == "eve@example.com"
