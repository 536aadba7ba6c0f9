"""The kind: a requirement that nobody knows is taken for fulfilled (RFC 9470)."""

import pytest

from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only

pytestmark = sqlite_only

PROXY = {"trusted_proxies": "192.0.2.1"}


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    return make_api(**PROXY)


def answer(api: Api, query: str = "", **headers: str) -> tuple[int, str]:
    bearer = api.login().bearer
    given = api.client.get(f"/verify{query}", headers={**bearer, **headers})
    return given.status_code, given.headers.get("WWW-Authenticate", "")


@pytest.mark.parametrize("by_header", [True, False])
def test_a_log_in_that_is_too_old_is_refused(api: Api, clock: TestClock, by_header: bool) -> None:
    api.register()
    bearer = api.login().bearer
    path, headers = "/verify?max_age=60", dict[str, str]()
    if by_header:
        path, headers = "/verify", {"X-Auth-Require-Max-Age": "60"}
    clock.advance(60)
    assert api.client.get(path, headers={**bearer, **headers}).status_code == 204
    clock.advance(1)
    refused = api.client.get(path, headers={**bearer, **headers})
    assert refused.status_code == 401
    assert refused.json()["error"] == "insufficient_user_authentication"
    challenge = 'Bearer error="insufficient_user_authentication", max_age="60"'
    assert refused.headers["WWW-Authenticate"] == challenge


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "1e9", "٣", "9" * 20, "60,60", "0x3c"])
def test_an_age_that_makes_no_sense_is_never_young_enough(api: Api, value: str) -> None:
    api.register()
    assert answer(api, f"?max_age={value}")[0] == 401


@pytest.mark.parametrize(("acr", "status"), [("aal1", 204), ("aal2", 401), ("", 401), ("x", 401)])
def test_a_password_is_one_factor(api: Api, acr: str, status: int) -> None:
    api.register()
    given, challenge = answer(api, f"?acr={acr}")
    assert given == status
    assert challenge.count('acr_values="aal2"') == (status == 401)
    assert answer(api, **{"X-Auth-Require-Acr": acr})[0] == status


def test_all_of_several_must_hold(api: Api) -> None:
    api.register()
    assert answer(api, "?max_age=600&max_age=x")[0] == 401
    assert answer(api, "?acr=aal1&max_age=600")[0] == 204


@pytest.mark.parametrize("name", ["Scopes", "Maxage", "Audiences", "X"])
def test_a_demand_that_nobody_knows_is_not_fulfilled(api: Api, name: str) -> None:
    """A slip in the proxy's configuration must not open the route."""
    api.register()
    assert answer(api, **{f"X-Auth-Require-{name}": "x"})[0] == 401


@pytest.mark.parametrize("name", ["Scope", "Audience", "Max-Age", "Acr"])
@pytest.mark.parametrize("value", ["", " "])
def test_a_demand_without_a_value_is_not_fulfilled(api: Api, name: str, value: str) -> None:
    api.register()
    assert answer(api, **{f"X-Auth-Require-{name}": value})[0] in {401, 403}


def test_nobody_but_a_trusted_proxy_requires_by_a_header(make_api: MakeApi) -> None:
    api = make_api(trusted_proxies="203.0.113.1")
    api.register()
    headers = {"X-Auth-Require-Scope": "read", "X-Auth-Require-Nonsense": "1"}
    assert answer(api, **headers)[0] == 204
