"""The kind: somebody administers who may not."""

from collections.abc import Callable

import pytest

from authapi.db.database import Database, open_database
from authapi.services.accounts import administration
from tests.support.administration import ADMIN, AUDIT, Admin, account, runtime_of
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.operations import ANOTHER_ID, OPERATIONS, Operation

UNDER_ADMIN = [operation for operation in OPERATIONS if operation.path.startswith("/admin/")]
READING = [operation for operation in UNDER_ADMIN if operation.method == "GET"]
CHANGING = [operation for operation in UNDER_ADMIN if operation.method != "GET"]


def ask(api: Api, operation: Operation, bearer: dict[str, str]) -> tuple[int, str, str]:
    answer = api.client.request(
        operation.method, operation.path, json=operation.body, headers=bearer
    )
    error = answer.json()["error"] if answer.content and answer.status_code >= 400 else ""
    return answer.status_code, error, answer.headers.get("WWW-Authenticate", "")


def test_there_is_something_to_try() -> None:
    assert len(READING) == 4
    assert len(CHANGING) == 7


@pytest.mark.parametrize(
    "scopes",
    ["", "admin", "authapi", "authapi:administer", "x-authapi:admin", "AUTHAPI:ADMIN", "*", AUDIT],
)
@sqlite_only
def test_no_other_scope_administers(api: Api, scopes: str) -> None:
    account(api, EMAIL)
    api_runtime = runtime_of(api)
    if scopes != "authapi:administer":  # can't even be granted
        id_ = administration.get_by_email(api_runtime.db, EMAIL).id
        administration.change_scopes(api_runtime.db, id_, scopes)
    bearer = api.login().bearer
    for operation in CHANGING:
        status, error, challenge = ask(api, operation, bearer)
        assert (status, error) == (403, "insufficient_scope"), operation
        assert f'scope="{ADMIN}"' in challenge
    for operation in READING:
        expected = {200, 404} if scopes == AUDIT else {403}
        assert ask(api, operation, bearer)[0] in expected, operation


@sqlite_only
def test_an_old_log_in_reads_and_changes_nothing(api: Api, clock: TestClock) -> None:
    admin = Admin(api)
    clock.advance(601)
    for operation in CHANGING:
        status, error, challenge = ask(api, operation, admin.tokens.bearer)
        assert (status, error) == (401, "insufficient_user_authentication"), operation
        assert 'max_age="600"' in challenge
    for operation in READING:
        assert ask(api, operation, admin.tokens.bearer)[0] in {200, 404}
    again = api.expect(
        200, "POST", "/reauth", json={"password": PASSWORD}, headers=admin.tokens.bearer
    )
    bearer = {"Authorization": f"Bearer {again.json()['access_token']}"}
    api.expect(204, "POST", f"/admin/users/{admin.id}/sign-out", headers=bearer)


@sqlite_only
def test_nobody_gives_the_scopes_at_a_registration(api: Api) -> None:
    body = {"email": EMAIL, "password": PASSWORD, "scopes": [ADMIN], "scope": ADMIN}
    api.expect(422, "POST", "/register", json=body)
    bearer = api.register_and_login().bearer
    wanted = {"username": "ada", "scopes": [ADMIN]}
    api.expect(422, "PATCH", "/me", json=wanted, headers=bearer)
    assert api.client.get("/me", headers=bearer).json()["scopes"] == []


def disable(db: Database, user_id: str) -> None:
    administration.disable_user(db, user_id)


def take_the_scope(db: Database, user_id: str) -> None:
    administration.change_scopes(db, user_id, "read")


@sqlite_only  # which notifies nobody: the poll is the only way to hear of it
@pytest.mark.parametrize("end", [disable, take_the_scope])
def test_an_administrator_of_before_changes_nothing_though_no_process_knows_it(
    api: Api, end: Callable[[Database, str], None]
) -> None:
    """Another process took the right away: this one accepts the token until its next poll."""
    admin, _, ada = Admin(api), Admin(api, "other@example.com"), account(api, EMAIL)
    runtime = runtime_of(api)
    elsewhere = open_database(runtime.settings.database_url, runtime.clock)
    try:
        end(elsewhere, admin.id)
    finally:
        elsewhere.close()
    assert admin.ask("GET", f"/users/{ada}").status_code == 200
    acts = [
        admin.ask("PATCH", f"/users/{ada}", json={"disabled": True}),
        admin.ask("DELETE", f"/users/{ada}"),
        admin.ask("POST", f"/users/{ada}/sign-out"),
        admin.ask("POST", f"/users/{ada}/password-reset"),
        admin.ask("DELETE", f"/users/{ada}/sessions/{ANOTHER_ID}"),
        admin.ask("POST", "/users", json={"email": "new@example.com"}),
    ]
    assert [act.status_code for act in acts] == [403] * 6
    runtime.poll.poll()
    assert admin.ask("GET", f"/users/{ada}").status_code == 401
    assert administration.get_user(runtime.db, ada).disabled_at is None


def test_nothing_tells_from_where_a_deleted_administrator_acted(api: Api) -> None:
    first, second, ada = Admin(api), Admin(api, "other@example.com"), account(api, EMAIL)
    first.change(ada, scopes=["read"])
    second.expect(204, "DELETE", f"/users/{first.id}")
    (event,) = second.events(user_id=ada)
    assert (event["actor_id"], event["ip"], event["user_agent"]) == (first.id, None, None)
    assert event["details"] == {"scopes": "read"}
