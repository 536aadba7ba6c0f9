"""One user's credential and another user's things (IDOR; ASVS 8.2.2)."""

from collections.abc import Callable

import pytest

from tests.support.api import PASSWORD, Api, Tokens
from tests.support.databases import sqlite_only

EVE = "eve@example.com"


@pytest.fixture
def ada(api: Api) -> Tokens:
    api.register(username="ada")
    return api.login()


@pytest.fixture
def eve(api: Api) -> Tokens:
    return api.register_and_login(EVE)


def test_nobody_ends_the_session_of_another(api: Api, ada: Tokens, eve: Tokens) -> None:
    answer = api.expect(404, "DELETE", f"/sessions/{ada.sid}", headers=eve.bearer)
    assert api.verify(ada) == 204
    unknown = api.expect(404, "DELETE", f"/sessions/{'A' * 22}", headers=eve.bearer)
    assert answer.content == unknown.content


def test_nobody_sees_the_sessions_of_another(api: Api, ada: Tokens, eve: Tokens) -> None:
    listed = api.client.get("/sessions", headers=eve.bearer, params={"user_id": ada.sid}).json()
    assert [session["id"] for session in listed] == [eve.sid]


@sqlite_only
def test_nobody_ends_the_session_of_another_by_its_id_in_a_body(
    api: Api, ada: Tokens, eve: Tokens
) -> None:
    for body in ({"session_id": ada.sid}, {"sid": ada.sid}, {"refresh_token": ada.sid}):
        api.client.post("/logout", json=body)
        api.client.request("DELETE", "/sessions", json=body, headers=eve.bearer)
    assert api.verify(ada) == 204


@sqlite_only
def test_a_refresh_token_and_an_access_token_of_two_users_are_not_mixed_up(
    api: Api, ada: Tokens, eve: Tokens
) -> None:
    body = {"refresh_token": eve.refresh}
    answer = api.client.post("/refresh", json=body, headers=ada.bearer)
    assert answer.json()["session_id"] == eve.sid
    me = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert api.client.get("/me", headers=me).json()["email"] == EVE


def change_password(api: Api, tokens: Tokens) -> None:
    body = {"current_password": PASSWORD, "new_password": "a new and longer phrase"}
    api.expect(200, "POST", "/me/password", json=body, headers=tokens.bearer)


def delete_account(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)


def log_out_everywhere(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/logout/all", headers=tokens.bearer)


def end_the_others(api: Api, tokens: Tokens) -> None:
    api.expect(204, "DELETE", "/sessions", headers=tokens.bearer)


def rename(api: Api, tokens: Tokens) -> None:
    api.expect(200, "PATCH", "/me", json={"username": "eve"}, headers=tokens.bearer)


@sqlite_only
@pytest.mark.parametrize(
    "act",
    [change_password, delete_account, log_out_everywhere, end_the_others, rename],
    ids=lambda act: act.__name__,
)
def test_what_one_user_does_leaves_the_other_alone(
    api: Api, ada: Tokens, eve: Tokens, act: Callable[[Api, Tokens], None]
) -> None:
    before = api.client.get("/me", headers=ada.bearer).json()
    act(api, eve)
    assert api.client.get("/me", headers=ada.bearer).json() == before
    assert api.refreshed(ada.refresh).sid == ada.sid
    assert api.login().sid
