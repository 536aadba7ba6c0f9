"""What a log-in hands over, and where (docs/transports.md)."""

import pytest

from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.cookies import SetCookie, set_cookies
from tests.support.databases import sqlite_only
from tests.support.transports import TRANSPORTS, Holder
from tests.transports.conftest import LogIn

PLAIN = {"authorization_expires_in", "expires_in", "scope", "session_id"}
ACCESS, REFRESH = {"access_token", "token_type"}, {"refresh_token"}
PAIR = {"refresh_expires_in"}
BROWSER = {"csrf_token"}
BODIES = {
    "bearer": PLAIN | ACCESS | REFRESH | PAIR,
    "hybrid": PLAIN | ACCESS | PAIR | BROWSER | {"rotated"},
    "cookie": PLAIN | PAIR | BROWSER | {"rotated", "token_type"},
    "session": PLAIN | BROWSER,
}
# What is in which cookie, and for how many seconds.
COOKIES = {
    "bearer": {},
    "hybrid": {"refresh": 604800},
    "cookie": {"access": 900, "refresh": 604800},
    "session": {"session": 2592000},
}
SAME_SITE = {"access": "Lax", "refresh": "Strict", "session": "Lax"}
HTTPS = {"public_url": "https://auth.example"}


def cookie_of(api: Api, transport: str) -> dict[str, SetCookie]:
    api.register()
    return set_cookies(Holder(api, transport).log_in().answer)


def test_the_body_holds_what_no_cookie_does(log_in: LogIn, transport: str) -> None:
    body = log_in().body
    assert set(body) == BODIES[transport]
    assert body["expires_in"] == (2592000 if transport == "session" else 900)
    assert body.get("refresh_expires_in", 604800) == 604800
    assert body["authorization_expires_in"] == 2592000


@sqlite_only
def test_over_https_a_cookie_is_this_hosts_alone(make_api: MakeApi, transport: str) -> None:
    cookies = cookie_of(make_api(**HTTPS), transport)
    assert {name: cookie.max_age for name, cookie in cookies.items()} == {
        f"__Host-Http-{kind}": max_age for kind, max_age in COOKIES[transport].items()
    }
    for name, cookie in cookies.items():
        same_site = SAME_SITE[name.removeprefix("__Host-Http-")]
        assert cookie.flags == {"Secure", "HttpOnly", "Path=/", f"SameSite={same_site}"}


@sqlite_only
def test_over_http_the_names_have_no_prefix(api: Api, transport: str) -> None:
    cookies = cookie_of(api, transport)
    assert {name: cookie.max_age for name, cookie in cookies.items()} == {
        f"authapi-{kind}": max_age for kind, max_age in COOKIES[transport].items()
    }
    for name, cookie in cookies.items():
        same_site = SAME_SITE[name.removeprefix("authapi-")]
        assert cookie.flags == {"HttpOnly", "Path=/", f"SameSite={same_site}"}


@sqlite_only
@pytest.mark.parametrize("same_site", ["lax", "strict", "none"])
def test_the_setting_is_the_same_site_of_all(
    make_api: MakeApi, transport: str, same_site: str
) -> None:
    cookies = cookie_of(make_api(**HTTPS, cookie_samesite=same_site), transport)
    for cookie in cookies.values():
        assert f"SameSite={same_site.capitalize()}" in cookie.flags
        assert "Secure" in cookie.flags


@sqlite_only
def test_what_a_cookie_holds_stands_nowhere_else(log_in: LogIn) -> None:
    answer = log_in().answer
    elsewhere = answer.text + "".join(
        value for name, value in answer.headers.multi_items() if name != "set-cookie"
    )
    for cookie in set_cookies(answer).values():
        assert cookie.value not in elsewhere
        for part in cookie.value.split(".")[1:]:  # the claims, the signature, the secret
            assert part not in elsewhere


@sqlite_only
def test_the_answer_is_never_stored(log_in: LogIn) -> None:
    assert log_in().answer.headers["Cache-Control"] == "no-store"


@sqlite_only
def test_each_login_is_a_session_of_its_own(log_in: LogIn) -> None:
    one, other = log_in(), log_in()
    assert one.sid != other.sid
    assert one.is_in()
    assert other.is_in()


@sqlite_only
def test_a_second_login_ends_the_session_of_the_first(log_in: LogIn) -> None:
    holder = log_in()
    before = holder.copy()
    holder.log_in()
    assert holder.sid != before.sid
    assert not before.is_in()
    assert holder.is_in()


@sqlite_only
@pytest.mark.parametrize("then", TRANSPORTS)
def test_a_login_by_another_transport_ends_it_too(log_in: LogIn, then: str) -> None:
    before = log_in()
    after = before.copy()
    after.transport = then
    after.log_in()
    assert not before.is_in()
    assert after.is_in()
    kept = {name.removeprefix("authapi-") for name in after.jar}
    assert kept == set(COOKIES[then])


@sqlite_only
def test_a_failed_login_leaves_everything_as_it_was(log_in: LogIn, transport: str) -> None:
    holder = log_in()
    body = {"email": "ada@example.com", "password": "wrong", "transport": transport}
    answer = holder.send("POST", "/login", json=body)
    assert answer.status_code == 401
    assert set_cookies(answer) == {}
    assert holder.is_in()
