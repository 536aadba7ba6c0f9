"""How long known addresses are kept, and what happens when two write at once."""

import pytest

from authapi.db import known_addresses, users
from authapi.db.database import Database
from authapi.services.accounts.known_addresses import note_log_in
from tests.support.api import PASSWORD, Api
from tests.support.clock import TestClock
from tests.support.contender import Contender
from tests.support.databases import postgresql_only
from tests.support.known_addresses import known_digests

DAY = 86400
SECRET = b"a secret for tests"


@pytest.fixture
def user_id(api: Api) -> str:
    return str(api.register()["id"])


def note(db: Database, user_id: str, address: str = "192.0.2.1") -> None:
    note_log_in(db, SECRET, user_id, address)


def test_the_next_new_address_of_anybody_takes_old_ones_out(
    api: Api, db: Database, user_id: str, clock: TestClock
) -> None:
    note(db, user_id)
    clock.advance(30 * DAY)
    other = str(api.register("eve@example.com")["id"])
    note(db, other)
    assert len(known_digests(db)) == 1


def test_the_oldest_of_an_account_goes_out_and_no_other_accounts(
    api: Api, db: Database, user_id: str, clock: TestClock
) -> None:
    other = str(api.register("eve@example.com")["id"])
    note(db, other)
    for number in range(known_addresses.MAX_OF_AN_ACCOUNT):
        note(db, user_id, f"198.51.100.{number}")
        clock.advance(1)
    before = set(known_digests(db))
    note(db, user_id, "198.51.100.0")  # it is the newest now
    note(db, user_id, "203.0.113.9")
    after = set(known_digests(db))
    assert len(before - after) == len(after - before) == 1
    note(db, user_id, "198.51.100.0")
    assert set(known_digests(db)) == after


def test_they_go_with_the_account(api: Api, db: Database) -> None:
    tokens = api.register_and_login()
    assert len(known_digests(db)) == 1
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)
    assert known_digests(db) == []


def test_an_account_that_is_gone_by_now_gets_none(db: Database) -> None:
    note(db, "nobody")
    assert known_digests(db) == []


@postgresql_only
def test_two_that_note_the_same_new_address_both_go_on(db: Database, user_id: str) -> None:
    with db.begin() as tx:
        known_addresses.note(tx, user_id, "a digest")
        other = Contender(db, lambda: _note_digest(db, user_id))
        other.run_into_the_lock()
    other.result()
    assert known_digests(db) == ["a digest"]


@postgresql_only
def test_a_deletion_overtakes_a_note(api: Api, db: Database, user_id: str) -> None:
    with db.begin() as tx:
        users.remove(tx, user_id)
        other = Contender(db, lambda: _note_digest(db, user_id))
        other.run_into_the_lock()
    other.result()
    assert known_digests(db) == []


def _note_digest(db: Database, user_id: str) -> None:
    with db.connect(to_write=True) as connection:
        known_addresses.note(connection, user_id, "a digest")
