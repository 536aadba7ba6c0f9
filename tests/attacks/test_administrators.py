"""The kind: somebody administers who may not, or the last administrator is locked out."""

from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep

import pytest

from authapi.db.database import Database, open_database
from authapi.errors import InsufficientScope, LastAdministrator, Unavailable
from authapi.services.accounts import administration
from authapi.services.accounts.administration import Actor, Change, Operator
from authapi.services.accounts.administrators import is_administrator
from authapi.services.accounts.deletion import Deletion, delete_account
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import hash_here
from tests.support.administration import ADMIN, AUDIT, Admin, account, runtime_of
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.operations import ANOTHER_ID, OPERATIONS, Operation
from tests.support.together import together

UNDER_ADMIN = [operation for operation in OPERATIONS if operation.path.startswith("/admin/")]
READING = [operation for operation in UNDER_ADMIN if operation.method == "GET"]
CHANGING = [operation for operation in UNDER_ADMIN if operation.method != "GET"]
DEVICE = Device("192.0.2.1", None)
INSISTS = 15.0  # seconds


def ask(api: Api, operation: Operation, bearer: dict[str, str]) -> tuple[int, str, str]:
    answer = api.client.request(
        operation.method, operation.path, json=operation.body, headers=bearer
    )
    error = answer.json()["error"] if answer.content and answer.status_code >= 400 else ""
    return answer.status_code, error, answer.headers.get("WWW-Authenticate", "")


def test_there_is_something_to_try() -> None:
    assert len(READING) == 4
    assert len(CHANGING) == 6


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


LOCKS_OUT: list[Callable[[Admin], int]] = [
    lambda admin: admin.ask("PATCH", f"/users/{admin.id}", json={"disabled": True}).status_code,
    lambda admin: admin.ask("PATCH", f"/users/{admin.id}", json={"scopes": [AUDIT]}).status_code,
    lambda admin: admin.ask("DELETE", f"/users/{admin.id}").status_code,
    lambda admin: (
        admin.api.client.post(
            "/me/delete", json={"password": PASSWORD}, headers=admin.tokens.bearer
        ).status_code
    ),
]
EACH_WAY = pytest.mark.parametrize("lock_out", LOCKS_OUT, ids=["disable", "scopes", "delete", "me"])


@EACH_WAY
def test_the_last_administrator_stays(api: Api, lock_out: Callable[[Admin], int]) -> None:
    admin = Admin(api)
    account(api, "a@example.com", "admin authapi:audit")
    disabled = account(api, "b@example.com", f"{ADMIN} read")
    admin.change(disabled, disabled=True)
    assert lock_out(admin) == 409
    admin.change(admin.id, username="still-there")
    admin.change(disabled, disabled=False)
    assert lock_out(admin) in {200, 204}


@EACH_WAY
def test_the_refusal_names_the_reason(api: Api, lock_out: Callable[[Admin], int]) -> None:
    admin = Admin(api)
    before = admin.events()
    assert lock_out(admin) == 409
    assert admin.events() == before
    assert api.verify(admin.tokens) == 204


def insist(act: Callable[[], object]) -> object:
    """Act again while the database is too busy to let it wait for the other: nothing was done."""
    deadline = monotonic() + INSISTS
    while monotonic() < deadline:
        with suppress(Unavailable):
            return act()
        sleep(0.05)  # an open breaker refuses at once, for half a second
    return act()


def as_actor(admin: Admin) -> Operator:
    claims = runtime_of(admin.api).verifier.verify(admin.tokens.access)
    return Operator(actor=Actor(claims, DEVICE, "en"))


@postgresql_only
@pytest.mark.parametrize("attempt", range(8))
def test_two_who_lock_each_other_out_leave_one(api: Api, attempt: int) -> None:
    first, second = Admin(api), Admin(api, "other@example.com")
    db = runtime_of(api).db
    change = Change(is_disabled=True) if attempt % 2 else Change(scopes="read")
    outcomes = together(
        lambda: insist(lambda: administration.change_user(db, second.id, change, as_actor(first))),
        lambda: insist(lambda: administration.change_user(db, first.id, change, as_actor(second))),
    )
    assert [type(one) for one in outcomes].count(InsufficientScope) == 1
    assert one_is_left(api, first, second)


@postgresql_only
@pytest.mark.parametrize("attempt", range(8))
def test_two_who_leave_at_once_leave_one(api: Api, attempt: int) -> None:
    first, second = Admin(api), Admin(api, "other@example.com")
    runtime = runtime_of(api)

    def leave(admin: Admin) -> object:
        wanted = Deletion(runtime.verifier.verify(admin.tokens.access), PASSWORD, "192.0.2.1")
        leaving = delete_account(runtime.db, runtime.passwords, runtime.usernames, wanted)
        return hash_here(leaving)

    def resign(admin: Admin) -> object:
        change = Change(scopes="")
        return administration.change_user(runtime.db, admin.id, change, as_actor(admin))

    other = resign if attempt % 2 else leave
    outcomes = together(lambda: insist(lambda: leave(first)), lambda: insist(lambda: other(second)))
    assert [type(one) for one in outcomes].count(LastAdministrator) == 1
    assert one_is_left(api, first, second)


def one_is_left(api: Api, *admins: Admin) -> bool:
    db = runtime_of(api).db
    users = [user for user in administration.list_users(db) if is_administrator(user)]
    return [user.id in {admin.id for admin in admins} for user in users] == [True]


def test_nothing_tells_from_where_a_deleted_administrator_acted(api: Api) -> None:
    first, second, ada = Admin(api), Admin(api, "other@example.com"), account(api, EMAIL)
    first.change(ada, scopes=["read"])
    second.expect(204, "DELETE", f"/users/{first.id}")
    (event,) = second.events(user_id=ada)
    assert (event["actor_id"], event["ip"], event["user_agent"]) == (first.id, None, None)
    assert event["details"] == {"scopes": "read"}
