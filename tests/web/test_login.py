"""POST /login (docs/http.md)."""

import pytest

from authapi.db import users
from authapi.db.database import Database
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only
from tests.support.service import SCOPES, Service

MEMBERS = {
    *("access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in"),
    *("authorization_expires_in", "scope", "session_id"),
}


def test_a_login_answers_a_token_pair(api: Api) -> None:
    api.register()
    body = api.login().body
    assert set(body) == MEMBERS
    assert (body["token_type"], body["scope"]) == ("Bearer", "")
    assert (body["expires_in"], body["refresh_expires_in"]) == (900, 604800)


def test_both_tokens_work(api: Api) -> None:
    tokens = api.register_and_login()
    assert api.verify(tokens) == 204
    assert api.refreshed(tokens.refresh).sid == tokens.sid


def test_a_token_response_is_never_stored_or_sent_as_a_cookie(service: Service) -> None:
    answer = service.client.post("/login", json={"email": EMAIL, "password": PASSWORD})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_the_response_says_which_scopes_the_token_has(service: Service) -> None:
    assert service.tokens.body["scope"] == SCOPES


@pytest.mark.parametrize(
    "name",
    [
        {"email": "ada@example.com"},
        {"email": "ADA@Example.COM"},
        {"email": "\uff41da@example.com"},
        {"username": "ada"},
        {"username": "ADA"},
        {"username": "\uff21\uff24\uff21"},
        {"email": "ada@example.com", "username": None},
        {"username": "ADA@example.com"},
        {"username": "ada\uff20example.com"},
    ],
    ids=ascii,
)
def test_either_name_in_any_spelling_will_do(service: Service, name: dict[str, str]) -> None:
    service.api.expect(200, "POST", "/login", json={"password": PASSWORD, **name})


@pytest.mark.parametrize(
    "body",
    [
        {"email": EMAIL, "password": PASSWORD + "x"},
        {"email": EMAIL, "password": PASSWORD.upper()},
        {"email": EMAIL, "password": ""},
        {"email": EMAIL, "password": "x" * 1024},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": "no address at all", "password": PASSWORD},
        {"email": "", "password": PASSWORD},
        {"email": "ada", "password": PASSWORD},
        {"username": EMAIL, "password": PASSWORD + "x"},
        {"username": "nobody@example.com", "password": PASSWORD},
        {"username": "nobody", "password": PASSWORD},
        {"username": "\ufdfa" * 1024, "password": PASSWORD},
    ],
    ids=lambda body: ascii(body)[:60],
)
def test_every_failed_login_is_the_same(service: Service, body: dict[str, str]) -> None:
    answer = service.client.post("/login", json=body)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "invalid_credentials",
        "error_description": "The account or the password is wrong.",
    }
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_disabled_account_looks_like_a_wrong_password(api: Api, db: Database) -> None:
    user = api.register()
    wrong = api.client.post("/login", json={"email": EMAIL, "password": PASSWORD + "x"})
    with db.begin() as tx:
        users.disable(tx, user["id"])
    disabled = api.client.post("/login", json={"email": EMAIL, "password": PASSWORD})
    assert (disabled.status_code, disabled.content) == (wrong.status_code, wrong.content)
    own = {"x-request-id"}
    assert {*disabled.headers.items()} - {("x-request-id", disabled.headers["x-request-id"])} == {
        (name, value) for name, value in wrong.headers.items() if name not in own
    }


@pytest.mark.parametrize(
    "body",
    [
        {"password": PASSWORD},
        {"email": EMAIL},
        {"email": EMAIL, "username": "ada", "password": PASSWORD},
        {"email": EMAIL, "password": None},
        {"email": EMAIL, "password": 12345678},
        {"email": [EMAIL], "password": PASSWORD},
        {"email": EMAIL, "password": "x" * 1025},
        {"email": EMAIL, "password": PASSWORD + "\0"},
        {"email": EMAIL, "password": PASSWORD, "transport": "carrier pigeon"},
        {"email": EMAIL, "password": PASSWORD, "remember": "yes"},
        {"email": EMAIL, "password": PASSWORD, "rememberMe": True},
        [],
        "text",
        None,
    ],
    ids=lambda body: ascii(body)[:60],
)
def test_a_login_that_makes_no_sense_is_refused(service: Service, body: object) -> None:
    answer = service.client.post("/login", json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_error")


@sqlite_only
def test_each_login_is_a_new_session(api: Api) -> None:
    api.register()
    pairs = [api.login(), api.login(transport="bearer")]
    assert len({pair.sid for pair in pairs}) == 2
    assert len({pair.access for pair in pairs} | {pair.refresh for pair in pairs}) == 4
    assert [api.verify(pair) for pair in pairs] == [204, 204]


@sqlite_only
def test_a_session_sent_along_is_not_adopted(api: Api) -> None:
    tokens = api.register_and_login()
    body = {"email": EMAIL, "password": PASSWORD}
    answer = api.expect(200, "POST", "/login", json=body, headers=tokens.bearer)
    assert answer.json()["session_id"] != tokens.sid


@sqlite_only
def test_credentials_in_the_query_are_not_read(api: Api) -> None:
    api.register()
    api.expect(422, "POST", "/login", params={"email": EMAIL, "password": PASSWORD})
