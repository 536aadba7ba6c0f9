"""The kind: guesses that no count of a single account sees, and hashes that nothing counts."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from authapi.services.accounts.registration import NewUser, add_user
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.app_transport import AppClient
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only

pytestmark = sqlite_only
WRONG = PASSWORD + "x"
ACCOUNTS = 150


def log_in(api: Api, email: str = EMAIL, password: str = WRONG) -> httpx.Response:
    return api.client.post("/login", json={"email": email, "password": password})


def log_in_from(api: Api, address: str, email: str = EMAIL, password: str = WRONG) -> int:
    with AppClient(api.app, address=address) as client:
        return log_in(Api(client), email, password).status_code


def add_accounts(api: Api, count: int) -> list[str]:
    runtime = api.app.state.runtime
    emails = [f"user{number}@example.com" for number in range(count)]
    for email in emails:
        user = NewUser(email, PASSWORD)
        add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)
    return emails


def test_one_password_tried_at_many_accounts_is_limited(api: Api, clock: TestClock) -> None:
    api.expect(200, "GET", "/readyz")
    tried = [log_in(api, email).status_code for email in add_accounts(api, ACCOUNTS)]
    assert tried == [401] * 60 + [429] * (ACCOUNTS - 60)
    clock.advance(60)
    assert log_in(api).status_code == 401


def test_made_up_names_are_limited_alike_with_the_same_bytes(make_api: MakeApi) -> None:
    api = make_api(limit_login_address="2/hour")
    api.register()
    assert [log_in(api, f"{name}@example.com").status_code for name in "ab"] == [401] * 2
    unknown, known, right = log_in(api, "c@example.com"), log_in(api), log_in(api, EMAIL, PASSWORD)
    assert unknown.status_code == known.status_code == right.status_code == 429
    assert unknown.content == known.content == right.content
    assert unknown.headers["Retry-After"] == known.headers["Retry-After"]


def test_past_its_limit_an_address_costs_no_query(make_api: MakeApi) -> None:
    api = make_api(limit_login_address="1/hour")
    log_in(api)
    statements = api.app.state.runtime.db.statements
    before = statements.count
    assert log_in(api, "other@example.com").status_code == 429
    assert statements.count == before


def test_the_addresses_of_one_ipv6_network_are_one(make_api: MakeApi) -> None:
    api = make_api(limit_login_address="2/hour")
    tried = [log_in_from(api, f"2001:db8::{n}", f"{n}@example.com") for n in range(1, 4)]
    assert tried == [401, 401, 429]
    assert log_in_from(api, "2001:db8:0:1::1") == 401


@pytest.mark.parametrize("path", ["/me/password", "/me/delete", "/reauth"])
def test_every_path_that_hashes_counts_for_the_address(make_api: MakeApi, path: str) -> None:
    api = make_api(limit_login_address="2/hour")
    bearer = api.register_and_login().bearer
    body = {"password": WRONG}
    if path == "/me/password":
        body = {"current_password": WRONG, "new_password": "a new and much longer phrase"}
    tried = [api.client.post(path, json=body, headers=bearer).status_code for _ in range(3)]
    assert tried == [403, 403, 429]
    assert log_in(api, "other@example.com").status_code == 429


def test_right_passwords_do_not_use_up_the_address(make_api: MakeApi) -> None:
    api = make_api(limit_login_address="1/hour")
    api.register()
    assert [log_in(api, EMAIL, PASSWORD).status_code for _ in range(5)] == [200] * 5
    assert [log_in(api).status_code for _ in range(2)] == [401, 429]


def test_right_passwords_have_a_limit_of_their_own(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_success="3/hour")
    api.register()
    api.register("eve@example.com")
    tried = [log_in(api, EMAIL, PASSWORD) for _ in range(4)]
    assert [answer.status_code for answer in tried] == [200] * 3 + [429]
    assert int(tried[-1].headers["Retry-After"]) == 3600
    assert log_in(api, "eve@example.com", PASSWORD).status_code == 200
    assert log_in_from(api, "198.51.100.7", EMAIL, PASSWORD) == 200
    clock.advance(3600)
    assert log_in(api, EMAIL, PASSWORD).status_code == 200


def test_a_right_password_that_is_only_shown_counts_too(make_api: MakeApi) -> None:
    # Else its owner could let authapi hash without end.
    api = make_api(limit_login_success="2/hour")
    bearer = api.register_and_login().bearer
    body = {"current_password": PASSWORD, "new_password": "short"}
    tried = [
        api.client.post("/me/password", json=body, headers=bearer).status_code for _ in range(3)
    ]
    assert tried == [422, 429, 429]


def test_a_right_password_of_an_unverified_address_counts_too(make_api: MakeApi) -> None:
    api = make_api(limit_login_success="2/hour", login_needs_verified_email=True)
    api.register()
    assert [log_in(api, EMAIL, PASSWORD).status_code for _ in range(3)] == [403, 403, 429]


def test_wrong_passwords_do_not_use_up_the_right_ones(make_api: MakeApi) -> None:
    api = make_api(limit_login_success="1/hour")
    api.register()
    assert [log_in(api).status_code for _ in range(5)] == [401] * 5
    assert log_in(api, EMAIL, PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("limit", "password", "answer"),
    [("address", WRONG, 401), ("success", PASSWORD, 200)],
)
def test_of_a_hundred_parallel_attempts_five_reach_the_hash(
    make_api: MakeApi, limit: str, password: str, answer: int
) -> None:
    off = {"limit_login_pair": "", "hash_queue": 400}
    api = make_api(**off, **{f"limit_login_{limit}": "5/hour"})
    api.register()
    with ThreadPoolExecutor(20) as threads:
        answers = Counter(
            threads.map(lambda _: log_in(api, EMAIL, password).status_code, range(100))
        )
    assert answers == {answer: 5, 429: 95}
