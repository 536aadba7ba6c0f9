"""GET and PATCH /me (docs/http.md). The password and deletion: test_own_account.py."""

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only
from tests.support.service import Service


def test_the_profile_is_the_users_own(api: Api) -> None:
    user, tokens = api.register(username="ada"), api.login()
    api.register("eve@example.com")
    assert api.expect(200, "GET", "/me", headers=tokens.bearer).json() == user


def test_a_username_is_changed(api: Api) -> None:
    api.register(username="ada")
    bearer = api.login().bearer
    changed = api.expect(200, "PATCH", "/me", headers=bearer, json={"username": "Countess"})
    assert changed.json()["username"] == "Countess"
    assert api.client.get("/me", headers=bearer).json() == changed.json()


@sqlite_only
def test_a_changed_username_logs_in_and_the_old_one_does_not(api: Api) -> None:
    api.register(username="ada")
    api.expect(200, "PATCH", "/me", headers=api.login().bearer, json={"username": "countess"})
    password = "correct horse battery staple"
    api.expect(200, "POST", "/login", json={"username": "countess", "password": password})
    api.expect(401, "POST", "/login", json={"username": "ada", "password": password})


@sqlite_only
def test_null_takes_the_username_away(api: Api) -> None:
    api.register(username="ada")
    bearer = api.login().bearer
    answer = api.expect(200, "PATCH", "/me", headers=bearer, json={"username": None})
    assert answer.json()["username"] is None
    api.expect(401, "POST", "/login", json={"username": "ada", "password": PASSWORD})


@sqlite_only
def test_a_username_may_change_its_case_alone(api: Api) -> None:
    api.register(username="ada")
    answer = api.expect(200, "PATCH", "/me", headers=api.login().bearer, json={"username": "ADA"})
    assert answer.json()["username"] == "ADA"


@pytest.mark.parametrize("username", ["eve", "EVE", "\uff45ve"])
def test_a_username_of_another_is_taken(api: Api, username: str) -> None:
    api.register("eve@example.com", username="eve")
    tokens = api.register_and_login()
    answer = api.expect(409, "PATCH", "/me", headers=tokens.bearer, json={"username": username})
    assert answer.json()["error"] == "username_taken"
    assert api.client.get("/me", headers=tokens.bearer).json()["username"] is None


@pytest.mark.parametrize(
    "body",
    [
        *(
            {"username": name}
            for name in ("", " ", "a  b", "a@b", "x" * 65, "a\0", "\u200b", 1, ["x"])
        ),
        *({}, [], None, {"email": EMAIL}, {"username": "ok", "email": "new@example.com"}),
        *(
            {"username": "ok", name: True}
            for name in ("email_verified", "id", "scopes", "is_admin")
        ),
    ],
    ids=lambda body: ascii(body)[:40],
)
def test_a_change_that_makes_no_sense_changes_nothing(service: Service, body: object) -> None:
    bearer = service.tokens.bearer
    before = service.client.get("/me", headers=bearer).json()
    service.api.expect(422, "PATCH", "/me", headers=bearer, json=body)
    assert service.client.get("/me", headers=bearer).json() == before
