"""Fields that nobody may set (ASVS 8.2.3, 15.3.3): refused, and nothing is set."""

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only
from tests.support.operations import CHANGED_BY_PATCH, OWN_BODIES
from tests.support.rows import every_row
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


def not_known(name: str) -> dict[str, object]:
    return {"loc": ["body", name], "msg": "This field is not known", "type": "extra_forbidden"}


@pytest.mark.parametrize("path", OWN_BODIES)
def test_a_field_that_is_not_the_callers_to_set_is_refused(service: Service, path: str) -> None:
    method = "PATCH" if path in CHANGED_BY_PATCH else "POST"
    before = service.client.get("/me", headers=service.tokens.bearer).json()
    with every_row() as row:
        for name in EXTRA.keys() - OWN_BODIES[path].keys():
            with row(name):
                answer = service.client.request(
                    method,
                    path,
                    json=OWN_BODIES[path] | {name: EXTRA[name]},
                    headers=service.tokens.bearer,
                )
                assert answer.status_code == 422
                assert answer.json()["errors"] == [not_known(name)]
                assert service.client.get("/me", headers=service.tokens.bearer).json() == before


def test_in_the_query_it_is_not_read(service: Service) -> None:
    with every_row() as row:
        for number, (name, value) in enumerate(EXTRA.items()):
            with row(name):
                body = {"email": f"user-{number}@example.com", "password": PASSWORD}
                user = service.api.expect(
                    201, "POST", "/register", json=body, params={name: str(value)}
                ).json()
                assert (user["scopes"], user["email_verified"], user["username"]) == (
                    [],
                    False,
                    None,
                )
                assert user["id"] != "A" * 22


@sqlite_only
def test_nobody_asks_for_scopes_at_the_login(api: Api) -> None:
    api.register()
    body = {"email": EMAIL, "password": PASSWORD, "scope": "admin"}
    api.expect(422, "POST", "/login", json=body)
