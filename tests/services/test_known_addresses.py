"""What an account is known by: how long, how much of it, and two that write at once."""

import pytest

from authapi.db import known_addresses, users
from authapi.db.database import Database
from authapi.services.accounts.devices import Device, KnownAddresses
from tests.support.api import PASSWORD, Api
from tests.support.clock import TestClock
from tests.support.contender import Contender
from tests.support.databases import postgresql_only
from tests.support.known_addresses import known_digests

DAY = 86400
SECRET = b"a secret for tests"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0.0.0"


@pytest.fixture
def user_id(api: Api) -> str:
    return str(api.register()["id"])


def note(db: Database, user_id: str, address: str = "192.0.2.1", agent: str = "Owner") -> bool:
    """Note a log-in; return whether it was from a new device."""
    with db.begin() as tx:
        account = users.lock(tx, user_id)
        if account is None:
            return False
        return KnownAddresses(db, [SECRET]).note_log_in(tx, account, Device(address, agent))


def test_a_device_is_known_by_its_network_and_its_agent(db: Database, user_id: str) -> None:
    assert note(db, user_id)
    assert not note(db, user_id)
    assert note(db, user_id, "198.51.100.7")
    assert not note(db, user_id, "198.51.100.7")
    assert note(db, user_id, agent="Thief")
    assert not note(db, user_id, "198.51.100.7", agent="Thief")


@pytest.mark.parametrize("agent", [FIREFOX, CHROME])
def test_a_new_version_is_the_same_kind_of_agent(agent: str) -> None:
    kinds = {Device("", agent.format(version)).agent_kind for version in (120, 121, 9)}
    assert len(kinds) == 1
    assert kinds != {""}


def test_kinds_of_agents_differ() -> None:
    agents = (FIREFOX.format(1), CHROME.format(1), "curl/8.5.0", "A-Browser/7", None)
    assert len({Device("", agent).agent_kind for agent in agents}) == len(agents)


def test_a_device_is_new_again_after_30_days(db: Database, user_id: str, clock: TestClock) -> None:
    note(db, user_id)
    clock.advance(30 * DAY - 1)
    assert not note(db, user_id)
    clock.advance(30 * DAY)
    assert note(db, user_id)
    assert not note(db, user_id)


def test_a_device_stays_known_when_the_secret_is_replaced(db: Database, user_id: str) -> None:
    note(db, user_id)
    new = b"another secret for tests"
    for secrets in ([new, SECRET], [new]):  # in time the old one goes
        with db.begin() as tx:
            account = users.lock(tx, user_id)
            assert account
            known = KnownAddresses(db, secrets)
            assert not known.note_log_in(tx, account, Device("192.0.2.1", "Owner"))


def test_the_oldest_of_an_account_goes_out_and_no_other_accounts(
    api: Api, db: Database, user_id: str, clock: TestClock
) -> None:
    other = str(api.register("eve@example.com")["id"])
    note(db, other)
    for number in range(known_addresses.MAX_OF_AN_ACCOUNT - 1):
        clock.advance(1)
        note(db, user_id, f"198.51.100.{number}")
    clock.advance(1)
    assert not note(db, user_id, "198.51.100.0")  # it is the newest now
    assert note(db, user_id, "203.0.113.9")
    assert not note(db, user_id, "198.51.100.0")
    assert note(db, user_id, "198.51.100.1")
    assert not note(db, other)


def test_they_go_with_the_account(api: Api, db: Database) -> None:
    tokens = api.register_and_login()
    assert len(known_digests(db)) == 3  # networks of registration and log-in, the agent
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)
    assert known_digests(db) == []


@postgresql_only
def test_of_two_at_once_from_a_new_device_one_is_new(db: Database, user_id: str) -> None:
    with db.begin() as tx:
        account = users.lock(tx, user_id)
        assert account
        known = KnownAddresses(db, [SECRET])
        assert known.note_log_in(tx, account, Device("192.0.2.1", "Owner"))
        other = Contender(db, lambda: note(db, user_id))
        other.run_into_the_lock()
    assert other.result() is False


@postgresql_only
def test_a_deletion_overtakes_a_note(db: Database, user_id: str) -> None:
    with db.begin() as tx:
        users.remove(tx, user_id)
        other = Contender(db, lambda: note(db, user_id))
        other.run_into_the_lock()
    other.result()
    assert known_digests(db) == []
