"""How often something may be tried (docs/limits.md)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from authapi.services.limits.storage import MemoryStorage
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.app_transport import AppClient
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only

pytestmark = sqlite_only
WRONG = PASSWORD + "x"


def guess(api: Api, password: str = WRONG, **name: str) -> int:
    body = {"password": password, **(name or {"email": EMAIL})}
    return api.client.post("/login", json=body).status_code


def guesses(api: Api, count: int, **name: str) -> list[int]:
    return [guess(api, **name) for _ in range(count)]


def retry_after(answer: httpx.Response) -> int:
    assert answer.status_code == 429
    assert answer.json()["error"] == "rate_limited"
    return int(answer.headers["Retry-After"])


def from_address(api: Api, address: str) -> Api:
    """The same application, asked from elsewhere."""
    return Api(AppClient(api.app, address=address))


def test_after_ten_failures_in_a_minute_the_eleventh_is_refused(api: Api) -> None:
    api.register()
    assert guesses(api, 11) == [401] * 10 + [429]


def test_not_even_the_right_password_is_tried_then(api: Api) -> None:
    api.register()
    guesses(api, 10)
    assert guess(api, PASSWORD) == 429


def test_an_unknown_account_is_limited_like_a_known_one(api: Api) -> None:
    assert guesses(api, 11) == [401] * 10 + [429]


def test_right_passwords_are_not_counted(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="3/hour")
    api.register()
    assert [guess(api, PASSWORD) for _ in range(6)] == [200] * 6
    assert guesses(api, 4) == [401, 401, 401, 429]


def test_what_is_no_guess_is_not_counted(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="2/hour")
    api.register()
    for _ in range(5):
        api.expect(422, "POST", "/login", json={"email": EMAIL})
        api.expect(400, "POST", "/login", content="{", headers={"Content-Type": "application/json"})
    assert guess(api, PASSWORD) == 200


@pytest.mark.parametrize(
    "limit", ["1/minute", "2/minute;3/hour", "2/hour;2/minute", "1/hour;1/day", "3/second"]
)
def test_waiting_as_long_as_it_says_is_enough(
    make_api: MakeApi, clock: TestClock, limit: str
) -> None:
    api = make_api(limit_login_pair=limit)
    api.register()
    for _ in range(3):
        while (answer := _failed_login(api)).status_code == 401:
            clock.advance(0.1)
        clock.advance(retry_after(answer))
        assert guess(api) == 401


def test_waiting_a_second_less_is_not(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_pair="1/minute")
    guess(api)
    clock.advance(retry_after(_failed_login(api)) - 1)
    assert guess(api) == 429


def test_asking_again_too_early_does_not_make_it_longer(
    make_api: MakeApi, clock: TestClock
) -> None:
    api = make_api(limit_login_pair="1/minute")
    guess(api)
    for _ in range(59):
        clock.advance(1)
        assert guess(api) == 429
    clock.advance(1)
    assert guess(api) == 401


def _failed_login(api: Api) -> httpx.Response:
    return api.client.post("/login", json={"email": EMAIL, "password": WRONG})


SPELLINGS = [
    *({"email": email} for email in ("ada@example.com", "ADA@example.com", "ada@EXAMPLE.COM")),
    *({"email": email} for email in ("\uff41da@example.com", "a\uff24A@example.com")),
    *({"username": name} for name in ("ada", "Ada", "\uff21\uff24\uff21", "\u1d2c\u1d30\u1d2c")),
]


def test_all_spellings_of_all_names_of_an_account_are_counted_together(
    make_api: MakeApi,
) -> None:
    api = make_api(limit_login_pair=f"{len(SPELLINGS)}/hour")
    api.register(username="ada")
    assert [guess(api, **name) for name in SPELLINGS] == [401] * len(SPELLINGS)
    assert [guess(api, **name) for name in SPELLINGS] == [429] * len(SPELLINGS)


def test_all_spellings_of_an_unknown_name_are_counted_together(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="2/hour")
    names = ("eve@example.com", "EVE@example.com", "\uff45ve@example.com")
    assert [guess(api, email=name) for name in names] == [401, 401, 429]


def test_other_accounts_are_counted_apart(api: Api) -> None:
    api.register()
    guesses(api, 11)
    api.register("eve@example.com")
    assert guess(api, PASSWORD, email="eve@example.com") == 200


def test_an_owner_elsewhere_is_not_locked_out(api: Api) -> None:
    api.register()
    guesses(api, 11)
    assert guess(from_address(api, "198.51.100.7"), PASSWORD) == 200


def test_an_account_has_a_limit_over_all_addresses(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_account="5/hour")
    api.register()
    tried = [guess(from_address(api, f"198.51.100.{number}")) for number in range(6)]
    assert tried == [401] * 5 + [429]
    clock.advance(3600)
    assert guess(api, PASSWORD) == 200


def test_what_the_pairs_limit_refuses_is_not_counted_for_the_account(make_api: MakeApi) -> None:
    # Else one address could lock a stranger out for an hour.
    api = make_api(limit_login_pair="2/hour", limit_login_account="5/hour")
    api.register()
    guesses(api, 20)
    assert guess(from_address(api, "198.51.100.7"), PASSWORD) == 200


@pytest.mark.parametrize("path", ["/me/password", "/me/delete"])
def test_a_users_own_password_is_counted_with_the_logins(make_api: MakeApi, path: str) -> None:
    api = make_api(limit_login_pair="3/hour")
    bearer = api.register_and_login().bearer
    body = {"password": WRONG}
    if path == "/me/password":
        body = {"current_password": WRONG, "new_password": "a new and much longer phrase"}
    statuses = [
        api.client.post(path, json=body, headers=bearer).status_code,
        guess(api),
        api.client.post(path, json=body, headers=bearer).status_code,
        guess(api, PASSWORD),
        api.client.post(path, json=body, headers=bearer).status_code,
    ]
    assert statuses == [403, 401, 403, 429, 429]


def test_of_a_hundred_parallel_guesses_five_reach_the_hash(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="5/hour", hash_queue=200, hash_concurrency=4)
    api.register()
    with ThreadPoolExecutor(20) as threads:
        answers = Counter(threads.map(lambda _: guess(api), range(100)))
    assert answers == {401: 5, 429: 95}


def test_an_empty_limit_is_none(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="", limit_login_account="")
    assert set(guesses(api, 30)) == {401}


def test_registrations_are_limited_by_address(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_register="2/hour")
    api.register("a@example.com")
    api.register("b@example.com")
    body = {"email": "c@example.com", "password": PASSWORD}
    wait = retry_after(api.client.post("/register", json=body))
    from_address(api, "198.51.100.7").register("d@example.com")
    clock.advance(wait)
    api.register("c@example.com")


def test_a_registration_that_fails_is_counted(make_api: MakeApi) -> None:
    # Else it would tell without limit which addresses are registered.
    api = make_api(limit_register="2/hour")
    api.register()
    body = {"email": EMAIL, "password": PASSWORD}
    assert api.client.post("/register", json=body).status_code == 409
    assert api.client.post("/register", json=body).status_code == 429


def test_refreshes_are_limited_by_session(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_refresh="2/minute")
    tokens, other = api.register_and_login(), api.login()
    last = api.refreshed(api.refreshed(tokens.refresh).refresh)
    wait = retry_after(api.refresh(last.refresh))
    assert api.refresh(other.refresh).status_code == 200
    clock.advance(wait)
    assert api.refresh(last.refresh).status_code == 200


def test_a_refused_refresh_exchanges_nothing(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_refresh="1/minute")
    tokens = api.refreshed(api.register_and_login().refresh)
    assert [api.refresh(tokens.refresh).status_code for _ in range(5)] == [429] * 5
    clock.advance(60)
    assert api.refresh(tokens.refresh).status_code == 200


def test_forged_refresh_tokens_do_not_use_up_the_owners_limit(make_api: MakeApi) -> None:
    api = make_api(limit_refresh="1/minute")
    tokens = api.register_and_login()
    forged = tokens.refresh[:-4] + "AAAA"
    assert [api.refresh(forged).status_code for _ in range(5)] == [401] * 5
    assert api.refresh(tokens.refresh).status_code == 200


def test_long_names_do_not_fill_the_memory(make_api: MakeApi) -> None:
    api = make_api()
    for number in range(20):
        guess(api, email=f"{number}" + "\ufdfa" * 1000)
    storage = api.app.state.runtime.limits._storage
    assert isinstance(storage, MemoryStorage)
    keys = [key for counters in storage._kinds.values() for key in counters]
    assert max(map(len, keys)) < 200
