"""The kind: a stranger who uses up a limit of somebody else's account, so that its owner is out.

And its other side: guesses without end, from ever new addresses, at one account.
"""

import httpx
import pytest

from authapi.db.database import Database
from authapi.db.known_addresses import MAX_OF_AN_ACCOUNT
from authapi.services.accounts.administration import set_password
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.app_transport import AppClient
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.known_addresses import known_digests
from tests.support.settings import NO_LIMITS
from tests.support.together import together

DAY = 86400
OWNERS, STRANGERS = "198.51.100.7", "203.0.113.9"
WRONG = PASSWORD + "x"
# One limit alone, so that no test needs a hundred addresses.
ROW_ALONE = {**NO_LIMITS, "limit_login_account": "100000/hour"}


def log_in(api: Api, address: str, password: str = PASSWORD, email: str = EMAIL) -> httpx.Response:
    with AppClient(api.app, address=address) as client:
        return client.post("/login", json={"email": email, "password": password})


def guess(api: Api, count: int = 1, *, address: str = STRANGERS, email: str = EMAIL) -> list[int]:
    with AppClient(api.app, address=address) as client:
        body = {"email": email, "password": WRONG}
        return [client.post("/login", json=body).status_code for _ in range(count)]


@pytest.fixture
def row(make_api: MakeApi) -> Api:
    """Return an application with an account that has only the limit on failures in a row."""
    api = make_api(**ROW_ALONE)
    api.register()
    return api


@sqlite_only
def test_after_a_hundred_failures_in_a_row_not_even_the_right_password_is_tried(row: Api) -> None:
    assert guess(row, 101) == [401] * 100 + [429]
    assert log_in(row, STRANGERS).status_code == 429


@sqlite_only
def test_a_right_password_ends_the_row(row: Api) -> None:
    assert guess(row, 99) == [401] * 99
    assert log_in(row, OWNERS).status_code == 200
    assert guess(row, 101) == [401] * 100 + [429]


@sqlite_only
def test_a_row_ends_with_no_hour_and_no_day_but_with_a_month(row: Api, clock: TestClock) -> None:
    guess(row, 100)
    clock.advance(DAY)
    refused = log_in(row, STRANGERS)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) == 29 * DAY
    clock.advance(29 * DAY)
    assert log_in(row, STRANGERS).status_code == 200


@sqlite_only
def test_the_rows_of_known_and_unknown_names_are_alike(row: Api) -> None:
    nobody = "nobody@example.com"
    for email in (EMAIL, nobody):
        guess(row, 100, email=email)
    known, unknown = (log_in(row, STRANGERS, email=email) for email in (EMAIL, nobody))
    assert known.status_code == unknown.status_code == 429
    assert known.content == unknown.content
    assert known.headers["Retry-After"] == unknown.headers["Retry-After"]


@sqlite_only
def test_of_parallel_guesses_a_hundred_reach_the_hash(make_api: MakeApi) -> None:
    api = make_api(**ROW_ALONE, hash_queue=1000)
    api.register()
    answers = together(*[lambda: guess(api, 10)] * 12)
    assert sum(isinstance(answer, list) and answer.count(401) for answer in answers) == 100


@sqlite_only
def test_who_switches_the_limit_of_accounts_off_has_no_row_either(make_api: MakeApi) -> None:
    api = make_api(**NO_LIMITS)
    api.register()
    assert guess(api, 101) == [401] * 101


def test_a_stranger_locks_no_owner_out_of_a_known_address(row: Api) -> None:
    assert log_in(row, OWNERS).status_code == 200
    assert guess(row, 101)[-1] == 429
    assert guess(row, address=OWNERS) == [401]
    assert log_in(row, OWNERS).status_code == 200
    assert log_in(row, STRANGERS).status_code == 200  # the row has ended


def test_the_same_holds_for_the_limit_an_hour(make_api: MakeApi) -> None:
    api = make_api(limit_login_account="2/hour")
    api.register()
    log_in(api, OWNERS)
    assert guess(api, 3) == [401, 401, 429]
    assert log_in(api, STRANGERS).status_code == 429
    assert log_in(api, OWNERS).status_code == 200


@sqlite_only
@pytest.mark.parametrize(("days", "answer"), [(30, 429), (29.99, 200)])
def test_an_address_is_known_for_30_days(
    make_api: MakeApi, clock: TestClock, days: float, answer: int
) -> None:
    api = make_api(limit_login_account="1/hour")
    api.register()
    log_in(api, OWNERS)
    clock.advance(DAY)
    log_in(api, OWNERS)  # the last one counts
    clock.advance(days * DAY)
    guess(api)
    assert log_in(api, OWNERS).status_code == answer


@sqlite_only
def test_an_ipv6_network_is_known_as_one(make_api: MakeApi) -> None:
    api = make_api(limit_login_account="1/hour")
    api.register()
    log_in(api, "2001:db8::1")
    guess(api)
    assert log_in(api, "2001:db8::ffff:2").status_code == 200
    assert log_in(api, "2001:db8:0:1::1").status_code == 429


@sqlite_only
def test_the_address_of_another_account_is_no_key(make_api: MakeApi) -> None:
    api = make_api(limit_login_account="1/hour")
    api.register()
    api.register("eve@example.com")
    assert log_in(api, STRANGERS, email="eve@example.com").status_code == 200
    guess(api)
    assert log_in(api, STRANGERS).status_code == 429


@sqlite_only
def test_a_failure_makes_no_address_known(make_api: MakeApi) -> None:
    api = make_api(limit_login_account="1/hour")
    api.register()
    guess(api)
    assert guess(api) == [429]


@sqlite_only
def test_a_known_address_still_has_the_limit_of_the_pair(make_api: MakeApi) -> None:
    api = make_api(limit_login_account="1/hour", limit_login_pair="3/hour")
    api.register()
    log_in(api, OWNERS)
    guess(api)
    assert guess(api, 4, address=OWNERS) == [401] * 3 + [429]
    assert log_in(api, OWNERS).status_code == 429


@sqlite_only
def test_sessions_in_force_go_on(make_api: MakeApi) -> None:
    api = make_api(limit_login_account="1/hour")
    tokens = api.register_and_login()
    assert guess(api, 2) == [401, 429]
    bearer = api.refreshed(tokens.refresh).bearer
    api.expect(200, "GET", "/me", headers=bearer)
    change = {"current_password": PASSWORD, "new_password": "a new and much longer phrase"}
    assert api.client.post("/me/password", json=change, headers=bearer).status_code < 300


@sqlite_only
def test_addresses_are_asked_for_only_past_a_limit(make_api: MakeApi) -> None:
    api = make_api(limit_login_account="1/hour")
    api.register()
    statements = api.app.state.runtime.db.statements
    guess(api)
    before = statements.count
    assert guess(api) == [429]
    assert statements.count - before == 3  # the account, its version, and its addresses
    before = statements.count
    assert guess(api, email="nobody@example.com") + guess(api, email="nobody@example.com") == [
        401,
        429,
    ]
    assert statements.count - before == 1 + 3  # as much for nobody


@sqlite_only
def test_an_address_stays_known_when_the_secret_is_replaced(make_api: MakeApi) -> None:
    old, new = "an old secret that is long enough for it", "a new secret that is long enough for it"
    before = make_api(secret=old)
    before.register()
    log_in(before, OWNERS)
    api = make_api(secret=f"{new},{old}", limit_login_account="1/hour")
    guess(api)
    assert log_in(api, OWNERS).status_code == 200


def test_what_is_kept_names_no_address_and_joins_no_accounts(api: Api, db: Database) -> None:
    api.register()
    api.register("eve@example.com")
    for email in (EMAIL, "eve@example.com"):
        log_in(api, OWNERS, email=email)
    digests = known_digests(db)
    assert len(set(digests)) == 2 * 3  # the agent, and the networks of registration and log-in
    assert not any(OWNERS in digest for digest in digests)


def test_parallel_log_ins_from_a_new_address_all_succeed(api: Api, db: Database) -> None:
    api.register()
    answers = together(*[lambda: log_in(api, OWNERS).status_code] * 8)
    assert answers == [200] * 8
    assert len(known_digests(db)) == 3  # the agent too, and the network of the registration


def test_the_addresses_of_an_account_are_bounded_in_parallel_too(
    make_api: MakeApi,
) -> None:
    api = make_api(**NO_LIMITS, hash_queue=1000)
    api.register()
    addresses = [f"198.51.100.{number}" for number in range(MAX_OF_AN_ACCOUNT + 10)]
    half = len(addresses) // 2

    def from_all(some: list[str]) -> list[int]:
        return [log_in(api, address).status_code for address in some]

    answers = together(lambda: from_all(addresses[:half]), lambda: from_all(addresses[half:]))
    assert answers == [[200] * half] * 2
    assert len(known_digests(api.app.state.runtime.db)) == MAX_OF_AN_ACCOUNT


NEW = "a new and much longer phrase"


def test_a_thiefs_address_is_not_let_through_after_the_owner_changed_the_password(
    make_api: MakeApi,
) -> None:
    api = make_api(limit_login_account="1/hour")
    api.register()
    assert log_in(api, STRANGERS).status_code == 200
    with AppClient(api.app, address=OWNERS) as client:
        tokens = Tokens(client.post("/login", json={"email": EMAIL, "password": PASSWORD}).json())
        body = {"current_password": PASSWORD, "new_password": NEW}
        answer = client.post("/me/password", json=body, headers=tokens.bearer)
        assert answer.status_code == 200
    assert guess(api, 2) == [401, 429]  # from STRANGERS: a known address would get 401 again
    assert log_in(api, OWNERS, NEW).status_code == 200


def test_a_thiefs_address_is_not_let_through_after_an_operators_new_password(
    make_api: MakeApi,
) -> None:
    api = make_api(limit_login_account="1/hour")
    user_id = api.register()["id"]
    assert log_in(api, STRANGERS).status_code == 200
    runtime = api.app.state.runtime
    set_password(runtime.db, runtime.passwords.hasher, user_id, NEW)
    assert guess(api, 2) == [401, 429]
