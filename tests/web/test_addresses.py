"""Whose address counts: the peer's, or what a trusted proxy says (docs/limits.md)."""

import pytest

from tests.support.api import EMAIL, Api
from tests.support.app_transport import AppClient
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only

pytestmark = sqlite_only
PROXY = "10.1.2.3"
FORWARDING = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP")


def guess(api: Api, **headers: str) -> int:
    body = {"email": EMAIL, "password": "wrong"}
    return api.client.post("/login", json=body, headers=headers).status_code


def through(make_api: MakeApi, address: str = PROXY, **overrides: object) -> Api:
    """An application as it is reached from `address`."""
    api = make_api(limit_login_pair="2/hour", **overrides)
    return Api(AppClient(api.app, address=address))


def shown_address(api: Api, **headers: str) -> str:
    api.client.headers.update(headers)
    [session] = api.expect(200, "GET", "/sessions", headers=api.register_and_login().bearer).json()
    return str(session["ip"])


@pytest.mark.parametrize("name", FORWARDING)
def test_without_a_trusted_proxy_no_header_is_an_address(make_api: MakeApi, name: str) -> None:
    api = through(make_api)
    tried = [guess(api, **{name: f"198.51.100.{number}"}) for number in range(3)]
    assert tried == [401, 401, 429]


def test_from_anyone_but_the_proxy_the_header_is_nothing(make_api: MakeApi) -> None:
    api = through(make_api, "192.0.2.1", trusted_proxies=["10.0.0.0/8"])
    tried = [guess(api, **{"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(3)]
    assert tried == [401, 401, 429]


@pytest.mark.parametrize("proxies", ["10.0.0.0/8", "10.1.2.3", "192.0.2.0/24,10.1.2.3"])
def test_what_a_trusted_proxy_says_is_the_address(make_api: MakeApi, proxies: str) -> None:
    api = through(make_api, trusted_proxies=proxies)
    tried = [guess(api, **{"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(3)]
    assert tried == [401, 401, 401]
    assert shown_address(api, **{"X-Forwarded-For": "203.0.113.9"}) == "203.0.113.9"


def test_a_client_can_put_nothing_before_what_the_proxy_says(make_api: MakeApi) -> None:
    api = through(make_api, trusted_proxies=["10.0.0.0/8"])
    tried = [guess(api, **{"X-Forwarded-For": f"1.1.1.{n}, 198.51.100.7"}) for n in range(3)]
    assert tried == [401, 401, 429]


def test_a_chain_of_trusted_proxies_is_followed(make_api: MakeApi) -> None:
    api = through(make_api, trusted_proxies=["10.0.0.0/8"])
    header = {"X-Forwarded-For": "1.1.1.1, 198.51.100.7, 10.9.9.9"}
    assert shown_address(api, **header) == "198.51.100.7"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::2"),
        ("2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff"),
        ("2001:db8::1", "2001:0DB8:0000:0000:0000:0000:0000:0001"),
        ("198.51.100.7", "::ffff:198.51.100.7"),
        ("198.51.100.7", "::ffff:c633:6407"),
    ],
)
def test_one_hosts_addresses_are_counted_together(make_api: MakeApi, one: str, other: str) -> None:
    api = through(make_api, trusted_proxies=[PROXY])
    tried = [guess(api, **{"X-Forwarded-For": address}) for address in (one, other, one)]
    assert tried == [401, 401, 429]


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8::1", "2001:db8:0:1::1"), ("198.51.100.7", "198.51.100.8"), ("::1", "127.0.0.1")],
)
def test_different_hosts_are_counted_apart(make_api: MakeApi, one: str, other: str) -> None:
    api = through(make_api, trusted_proxies=[PROXY])
    assert [guess(api, **{"X-Forwarded-For": one}) for _ in range(3)] == [401, 401, 429]
    assert guess(api, **{"X-Forwarded-For": other}) == 401


@pytest.mark.parametrize(
    "said", ["", ",", "unknown", "x" * 5000, "1.2.3.4:99999", "[::1", "%00", "fe80::1%eth0"]
)
def test_whatever_a_proxy_says_no_request_fails(make_api: MakeApi, said: str) -> None:
    api = through(make_api, trusted_proxies=[PROXY])
    assert guess(api, **{"X-Forwarded-For": said}) == 401
    assert shown_address(api, **{"X-Forwarded-For": said}) is not None


@pytest.mark.parametrize("said", ["198.51.100.{}:4711", "[2001:db8:0:{}::1]:4711"])
def test_an_address_with_a_port_is_still_an_address(make_api: MakeApi, said: str) -> None:
    # Azure's gateways add one; all their clients must not share a count.
    api = through(make_api, trusted_proxies=[PROXY])
    tried = [guess(api, **{"X-Forwarded-For": said.format(number)}) for number in range(3)]
    assert tried == [401, 401, 401]
