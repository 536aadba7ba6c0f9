"""The kind: what somebody gives up, and a stranger takes at once to be taken for them."""

from threading import Event

import pytest
from sqlalchemy import select, update

from authapi.crypto.name_digests import NameDigests
from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import PendingRegistration, ReleasedName
from authapi.errors import NotFound, UsernameTaken
from authapi.services.accounts import profile
from authapi.services.accounts.administration import get_by_email
from authapi.services.accounts.deletion import Deletion, delete_account
from authapi.services.accounts.hashing import hash_here
from authapi.services.accounts.profile import UsernameChange, change_username
from authapi.services.accounts.registration import NewUser, Registrar, add_user
from authapi.services.accounts.registration import register as register_account
from authapi.services.operation.purge import purge_all
from authapi.web.runtime import Runtime
from tests.support.administration import account, runtime_of
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.contender import Contender
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.settings import SECRET
from tests.support.transports import TRANSPORTS, Holder

EVE = "eve@example.com"
DAY = 86400


@pytest.fixture
def ada(api: Api) -> Tokens:
    api.register(username="ada")
    return api.login()


def rename(api: Api, tokens: Tokens, username: str | None, status: int = 200) -> None:
    api.expect(status, "PATCH", "/me", headers=tokens.bearer, json={"username": username})


def register(api: Api, username: str, email: str = EVE, status: int = 201) -> bytes:
    body = {"email": email, "password": PASSWORD, "username": username}
    return api.expect(status, "POST", "/register", json=body).content


def delete(api: Api, tokens: Tokens) -> None:
    body = {"password": PASSWORD}
    api.expect(204, "POST", "/me/delete", headers=tokens.bearer, json=body)


@pytest.mark.parametrize("name", ["ada", "ADA", "\uff41da"])
def test_a_name_that_was_given_up_is_taken_for_others(api: Api, ada: Tokens, name: str) -> None:
    rename(api, ada, "countess")
    resting = register(api, name, status=409)
    assert resting == register(api, "countess", status=409)
    rename(api, api.register_and_login(EVE), name, 409)


@sqlite_only
def test_a_name_that_was_taken_away_rests_too(api: Api, ada: Tokens) -> None:
    rename(api, ada, None)
    register(api, "ada", status=409)


def test_it_rests_for_thirty_days(api: Api, ada: Tokens, clock: TestClock) -> None:
    rename(api, ada, "countess")
    clock.advance(30 * DAY - 1)
    register(api, "ada", status=409)
    clock.advance(1)
    register(api, "ada")


def test_who_gave_it_up_may_take_it_back(api: Api, ada: Tokens) -> None:
    rename(api, ada, "countess")
    rename(api, ada, "Ada")
    register(api, "ada", status=409)
    register(api, "countess", status=409)
    rename(api, ada, "countess")
    register(api, "ada", status=409)


def test_the_name_of_a_deleted_account_rests_and_nothing_tells_whose_it_was(
    api: Api, ada: Tokens, db: Database
) -> None:
    rename(api, ada, "countess")
    delete(api, ada)
    for name in ("ada", "countess"):
        register(api, name, EMAIL, 409)
        register(api, name, EVE, 409)
    with db.connect() as connection:
        rows = connection.execute(select(ReleasedName.name_digest, ReleasedName.user_id)).all()
    assert len(rows) == 2
    assert {user_id for _, user_id in rows} == {None}
    stored = str(rows)
    assert "ada" not in stored
    assert "countess" not in stored


def test_the_name_of_the_last_moment_rests_when_an_account_is_deleted(
    api: Api, ada: Tokens, db: Database
) -> None:
    runtime: Runtime = api.app.state.runtime
    wanted = Deletion(runtime.verifier.verify(ada.access), PASSWORD, "192.0.2.1")
    deleting = delete_account(db, runtime.passwords, runtime.usernames, wanted)
    compute = next(deleting)
    rename(api, ada, "countess")
    with pytest.raises(StopIteration):
        deleting.send(compute())
    for name in ("ada", "countess"):
        register(api, name, EVE, 409)


def test_a_name_that_rests_no_more_is_forgotten(
    api: Api, ada: Tokens, db: Database, clock: TestClock
) -> None:
    rename(api, ada, "countess")
    clock.advance(31 * DAY)
    tokens = api.login()
    rename(api, tokens, "lady")
    purge_all(db, api.app.state.runtime.settings, Event())
    with db.connect() as connection:
        digests = set(connection.scalars(select(ReleasedName.name_digest)))
    assert digests == set(NameDigests([SECRET.encode()]).of("countess"))


@sqlite_only
def test_it_rests_on_after_the_secret_was_replaced(
    api: Api, ada: Tokens, make_api: MakeApi
) -> None:
    rename(api, ada, "countess")
    newer = make_api(secret=f"another secret which is long enough too,{SECRET}")
    register(newer, "ada", status=409)


@sqlite_only
def test_a_name_that_only_changes_its_case_does_not_rest(
    api: Api, ada: Tokens, db: Database
) -> None:
    rename(api, ada, "ADA")
    with db.connect() as connection:
        assert connection.scalars(select(ReleasedName)).all() == []


@sqlite_only
def test_the_operator_is_told_too(api: Api, ada: Tokens) -> None:
    rename(api, ada, "countess")
    runtime: Runtime = api.app.state.runtime
    wanted = NewUser(EVE, PASSWORD, "ada")
    with pytest.raises(UsernameTaken):
        add_user(runtime.db, runtime.passwords.hasher, wanted, runtime.usernames)


def test_a_stranger_who_waits_for_the_moment_of_the_release_does_not_get_it(
    api: Api, ada: Tokens, db: Database, clock: TestClock
) -> None:
    """Two connections: the stranger's UPDATE waits for whoever still has the name."""
    runtime: Runtime = api.app.state.runtime
    eve = runtime.verifier.verify(api.register_and_login(EVE).access)
    wanted = UsernameChange("ada", "198.51.100.7", clock())
    stranger = Contender(
        db, lambda: change_username(db, runtime.usernames, runtime.limits, eve, wanted)
    )
    owner = get_by_email(db, EMAIL)
    with db.begin() as tx:
        users.set_username(tx, owner.id, "countess", "countess")
        stranger.run_into_the_lock()
        runtime.usernames.give_up(tx, owner)
    with pytest.raises(UsernameTaken):
        stranger.result()
    assert get_by_email(db, EVE).username is None


def test_a_name_that_came_and_went_while_a_stranger_hashed_rests(
    api: Api, ada: Tokens, db: Database
) -> None:
    runtime: Runtime = api.app.state.runtime
    wanted = NewUser(EVE, PASSWORD, "countess", address="198.51.100.7")
    here = Registrar(db, runtime.settings, runtime.passwords, runtime.usernames, runtime.mails)
    registering = register_account(here, wanted)
    compute = next(registering)  # the name was free
    rename(api, ada, "countess")
    rename(api, ada, "ada")
    with pytest.raises(UsernameTaken):
        registering.send(compute())
    with pytest.raises(NotFound):
        get_by_email(db, EVE)


@pytest.mark.parametrize("transport", TRANSPORTS)
@sqlite_only
def test_a_copied_session_alone_changes_no_name(api: Api, clock: TestClock, transport: str) -> None:
    """The kind: what a session alone may do. Of one kind with factors and with /admin."""
    api.register(username="ada")
    holder = Holder(api, transport).log_in()
    body = {"username": "countess"}
    clock.advance(600)
    assert holder.status("PATCH", "/me", json=body) == 200
    clock.advance(1)
    answer = holder.send("PATCH", "/me", json={"username": "ada"})
    assert answer.status_code == 401
    assert answer.json()["error"] == "insufficient_user_authentication"
    challenge = 'Bearer error="insufficient_user_authentication", max_age="600"'
    assert answer.headers["WWW-Authenticate"] == challenge
    assert holder.send("GET", "/me").json()["username"] == "countess"


@sqlite_only
def test_a_refresh_makes_no_log_in_fresh(api: Api, ada: Tokens, clock: TestClock) -> None:
    clock.advance(601)
    rename(api, api.refreshed(ada.refresh), "countess", 401)


@sqlite_only
def test_names_that_are_asked_for_count_with_the_registrations(make_api: MakeApi) -> None:
    """The kind: a second way to learn which names are taken, that no limit counts."""
    api = make_api(limit_register="4/hour")
    api.register(username="ada")
    api.register("eve@example.com", username="eve")
    ada = api.login()
    rename(api, ada, "x" * 65, 422)  # a typing error is free
    rename(api, ada, "eve", 409)
    rename(api, ada, "countess")
    rename(api, ada, "eve", 429)
    register(api, "mallory", "m@example.com", 429)


# An account and a registration that waits for its proof are in two tables: no index sees both.


@postgresql_only
def test_a_name_that_is_taken_at_this_instant_is_not_reserved(make_api: MakeApi) -> None:
    api = make_api(registration_confirms_email=True)
    runtime, ada = runtime_of(api), account(api, EMAIL)
    here = Registrar(
        runtime.db, runtime.settings, runtime.passwords, runtime.usernames, runtime.mails
    )
    wanted = NewUser(EVE, PASSWORD, "countess", address="198.51.100.7")
    stranger = Contender(runtime.db, lambda: hash_here(register_account(here, wanted)))
    with runtime.db.begin() as tx:
        locked = users.lock(tx, ada)
        assert locked
        profile.rename(tx, runtime.usernames, locked, "countess")
        stranger.run_into_the_lock()
    with pytest.raises(UsernameTaken):
        stranger.result()


@postgresql_only
def test_a_name_that_is_reserved_at_this_instant_is_not_taken(
    make_api: MakeApi, clock: TestClock
) -> None:
    api = make_api(registration_confirms_email=True)
    runtime = runtime_of(api)
    account(api, EMAIL)
    ada = runtime.verifier.verify(api.login().access)
    register(api, "eve", status=202)
    renaming = UsernameChange("countess", "198.51.100.7", clock())
    stranger = Contender(
        runtime.db,
        lambda: change_username(runtime.db, runtime.usernames, runtime.limits, ada, renaming),
    )
    with runtime.db.begin() as tx:
        reserved = {"username": "countess", "username_canonical": "countess"}
        tx.execute(update(PendingRegistration).values(reserved))
        users.take_turn(tx, "countess")
        stranger.run_into_the_lock()
    with pytest.raises(UsernameTaken):
        stranger.result()
