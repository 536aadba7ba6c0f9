"""The kind: nobody is left who can administer."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic, sleep

import pytest

from authapi.errors import InsufficientScope, InvalidToken, LastAdministrator, Unavailable
from authapi.services.accounts import administration
from authapi.services.accounts.administration import Actor, Change, Operator
from authapi.services.accounts.administrators import is_administrator
from authapi.services.accounts.deletion import Deletion, delete_account
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import hash_here
from authapi.verifier import Claims
from tests.support.administration import ADMIN, AUDIT, ROOT, Admin, account, as_subject, runtime_of
from tests.support.api import PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.together import together

DEVICE = Device("192.0.2.1", None)
INSISTS = 15.0  # seconds
OTHER = "other@example.com"


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


@pytest.fixture
def strict(make_api: MakeApi) -> Api:
    """Return an application that nobody logs in to with an address that is not verified."""
    return make_api(login_needs_verified_email=True)


SHUT_OUT: list[dict[str, object]] = [
    {"email_verified": False},
    {"email": "new@example.com"},
    {"email": "new@example.com", "email_verified": False},
]


@pytest.mark.parametrize("change", SHUT_OUT, ids=["unverified", "moved", "both"])
def test_the_last_administrator_stays_verified(strict: Api, change: dict[str, object]) -> None:
    admin = Admin(strict, is_verified=True)
    unverified = account(strict, OTHER, ADMIN)  # who can't log in
    path = f"/users/{admin.id}"
    assert admin.expect(409, "PATCH", path, json=change)["error"] == "last_administrator"
    admin.change(admin.id, email_verified=True, email=ROOT, username="root")
    admin.change(unverified, email_verified=True)
    admin.change(admin.id, **change)


@sqlite_only
@pytest.mark.parametrize("change", SHUT_OUT, ids=["unverified", "moved", "both"])
def test_where_an_unverified_address_logs_in_it_shuts_nobody_out(
    api: Api, change: dict[str, object]
) -> None:
    admin = Admin(api)
    admin.change(admin.id, **change)
    admin = Admin(api, OTHER)
    moved = {"email": "moved@example.com", "email_verified": True}
    admin.change(admin.id, **moved)


@EACH_WAY
def test_who_can_not_log_in_is_no_other_administrator(
    strict: Api, lock_out: Callable[[Admin], int]
) -> None:
    admin = Admin(strict, is_verified=True)
    other = account(strict, OTHER, ADMIN)
    assert lock_out(admin) == 409
    admin.change(other, email_verified=True)
    assert lock_out(admin) in {200, 204}


def insist(act: Callable[[], object]) -> object:
    """Act again while the database is too busy to let it wait for the other: nothing was done."""
    deadline = monotonic() + INSISTS
    while monotonic() < deadline:
        with suppress(Unavailable):
            return act()
        sleep(0.05)  # an open breaker refuses at once, for half a second
    return act()


def as_actor(subject: Claims) -> Operator:
    return Operator(actor=Actor(subject, DEVICE, "en"), needs_verified_email=True)


ROUNDS = 10
# What each does to the other, and why the second one may not.
TAKES_AWAY: list[tuple[Change | None, type[Exception]]] = [
    (Change(is_disabled=True), InsufficientScope),
    (Change(scopes="read"), InsufficientScope),
    (Change(is_verified=False), LastAdministrator),
    (Change(email="moved@example.com"), InvalidToken),  # which ends the sessions, too
    (None, InsufficientScope),
]
WAYS = ["disable", "scopes", "unverified", "moved", "delete"]


@postgresql_only
@pytest.mark.parametrize(("change", "refusal"), TAKES_AWAY, ids=WAYS)
def test_two_who_lock_each_other_out_leave_one(
    api: Api, change: Change | None, refusal: type[Exception]
) -> None:
    """Ten times over, each on connections of its own."""
    runtime = runtime_of(api)

    def lock_out(actor: Claims, other: Claims) -> object:
        operator = as_actor(actor)
        if change:
            return administration.change_user(runtime.db, other.sub, change, operator)
        return administration.delete_user(runtime.db, runtime.usernames, other.sub, operator)

    for number in range(ROUNDS):
        first, second = pair(api, number)
        outcomes = together(
            partial(insist, partial(lock_out, first, second)),
            partial(insist, partial(lock_out, second, first)),
        )
        assert [type(one) for one in outcomes if isinstance(one, Exception)] == [refusal]
        end_the_one_that_is_left(api)


@postgresql_only
@pytest.mark.parametrize("resigns", [False, True])
def test_two_who_leave_at_once_leave_one(api: Api, *, resigns: bool) -> None:
    runtime = runtime_of(api)

    def leave(own: Claims) -> object:
        wanted = Deletion(own, PASSWORD, "192.0.2.1", needs_verified_email=True)
        leaving = delete_account(runtime.db, runtime.passwords, runtime.usernames, wanted)
        return hash_here(leaving)

    def resign(own: Claims) -> object:
        change = Change(scopes="")
        return administration.change_user(runtime.db, own.sub, change, as_actor(own))

    other = resign if resigns else leave
    for number in range(ROUNDS):
        first, second = pair(api, number)
        outcomes = together(
            partial(insist, partial(leave, first)), partial(insist, partial(other, second))
        )
        assert [type(one) for one in outcomes if isinstance(one, Exception)] == [LastAdministrator]
        end_the_one_that_is_left(api)


def pair(api: Api, number: int) -> tuple[Claims, Claims]:
    """Return two administrators who are logged in."""
    return logged_in(api, f"{number}-a@example.com"), logged_in(api, f"{number}-b@example.com")


def logged_in(api: Api, email: str) -> Claims:
    return as_subject(account(api, email, ADMIN, is_verified=True), api.login(email).sid)


def end_the_one_that_is_left(api: Api) -> None:
    runtime = runtime_of(api)
    users = list(administration.list_users(runtime.db))
    left = [user.id for user in users if is_administrator(user) and user.email_verified_at]
    assert len(left) == 1
    for user in users:
        forced = Operator(is_forced=True)
        administration.delete_user(runtime.db, runtime.usernames, user.id, forced)
