"""The one door where a session is born: who overtakes whom between the proof and the session."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from authapi.crypto.passwords import PasswordHasher
from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import Session, Transport, User
from authapi.db.users import Account
from authapi.services.accounts.administration import disable_user, enable_user, get_by_email
from authapi.services.accounts.devices import Device
from authapi.services.sessions.opening import Opening, open_session
from authapi.web.runtime import Runtime
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.together import together

WEAKER = PasswordHasher(memory_kib=512, time_cost=1).hash(PASSWORD)
DEVICE = Device("192.0.2.1", None)


@pytest.fixture
def runtime(api: Api) -> Runtime:
    api.register()
    runtime: Runtime = api.app.state.runtime
    return runtime


@pytest.fixture
def account(runtime: Runtime) -> Account:
    """The account as a log-in has read it: its password hash is to be upgraded."""
    known = get_by_email(runtime.db, EMAIL)
    with runtime.db.begin() as tx:
        users.upgrade_hash(tx, known, WEAKER)
    return replace(known, password_hash=WEAKER)


def stored_hash(db: Database) -> str:
    with db.connect() as connection:
        return connection.scalars(select(User.password_hash)).one()


def wanted(
    account: Account, transport: Transport = Transport.BEARER, upgraded_hash: str | None = None
) -> Opening:
    return Opening(account, transport, DEVICE, upgraded_hash=upgraded_hash, remember=True)


def is_opened(runtime: Runtime, opening: Opening) -> bool:
    return open_session(runtime.db, runtime.tokens, opening) is not None


def test_two_log_ins_that_both_upgrade_the_hash_both_succeed(
    runtime: Runtime, account: Account
) -> None:
    """Of one kind with every write that leaves the proof true: new scopes, another username."""
    first, second = (wanted(account, upgraded_hash=h) for h in "12")
    assert [is_opened(runtime, first), is_opened(runtime, second)] == [True, True]
    assert stored_hash(runtime.db) == "1"  # the second one's is of another hash than it knew


def test_parallel_log_ins_at_the_moment_of_an_upgrade_all_succeed(
    api: Api, account: Account
) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    answers = together(*[lambda: api.client.post("/login", json=body).status_code] * 4)
    assert answers == [200] * 4
    assert stored_hash(api.app.state.runtime.db) != WEAKER


def test_a_new_password_overtakes_a_log_in(runtime: Runtime, account: Account) -> None:
    with runtime.db.begin() as tx:
        users.set_password(tx, account.id, WEAKER)  # even to the same hash
    assert not is_opened(runtime, wanted(account))


def test_a_disabling_overtakes_a_log_in_although_it_was_taken_back(
    runtime: Runtime, account: Account
) -> None:
    disable_user(runtime.db, account.id)
    enable_user(runtime.db, account.id)
    assert not is_opened(runtime, wanted(account))


def test_a_session_says_how_and_for_whom_it_was_opened(runtime: Runtime, account: Account) -> None:
    assert is_opened(runtime, wanted(account, Transport.SESSION))
    with runtime.db.connect() as connection:
        row = connection.execute(select(Session.amr, Session.client_id)).one()
    assert tuple(row) == ("pwd", "authapi")
