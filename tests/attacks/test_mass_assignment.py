"""Fields that nobody may set (ASVS 8.2.3, 15.3.3): refused, and nothing is set."""

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only
from tests.support.operations import BODIES
from tests.support.service import Service

EXTRA: dict[str, object] = {
    "id": "A" * 22,
    "user_id": "A" * 22,
    "sub": "A" * 22,
    "sid": "A" * 22,
    "scopes": ["admin"],
    "scope": "admin",
    "roles": ["admin"],
    "is_admin": True,
    "is_active": True,
    "disabled_at": None,
    "email_verified": True,
    "email_verified_at": 1,
    "is_verified": True,
    "password_hash": "x",
    "email_canonical": "x",
    "created_at": 0,
    "mfa_enabled": False,
    "expires_at": 9e9,
    "ip": "1.2.3.4",
    "__class__": "x",
    "Email": "x",
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", EXTRA)
def test_a_field_that_is_not_the_callers_to_set_is_refused(
    service: Service, path: str, name: str
) -> None:
    method = "PATCH" if path == "/me" else "POST"
    before = service.client.get("/me", headers=service.tokens.bearer).json()
    answer = service.client.request(
        method, path, json=BODIES[path] | {name: EXTRA[name]}, headers=service.tokens.bearer
    )
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"loc": ["body"], "msg": "There is a field that is not known", "type": "extra_forbidden"}
    ]
    assert service.client.get("/me", headers=service.tokens.bearer).json() == before


@sqlite_only
@pytest.mark.parametrize("name", EXTRA)
def test_in_the_query_it_is_not_read(api: Api, name: str) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    params = {name: str(EXTRA[name])}
    user = api.expect(201, "POST", "/register", json=body, params=params).json()
    assert (user["scopes"], user["email_verified"], user["username"]) == ([], False, None)
    assert user["id"] != "A" * 22


@sqlite_only
def test_nobody_asks_for_scopes_at_the_login(api: Api) -> None:
    api.register()
    body = {"email": EMAIL, "password": PASSWORD, "scope": "admin"}
    api.expect(422, "POST", "/login", json=body)
