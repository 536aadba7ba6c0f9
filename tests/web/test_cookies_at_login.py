"""What a log-in does with the cookies that come along, and how large its own are."""

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.cookies import NAMES, cookie_header, set_cookies
from tests.support.databases import sqlite_only
from tests.support.rows import every_row
from tests.support.transports import COOKIE_TRANSPORTS, TRANSPORTS, Holder

pytestmark = sqlite_only
by_cookie = pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)


@by_cookie
def test_a_login_never_adopts_a_planted_session(api: Api, victim: Holder, transport: str) -> None:
    api.register("eve@example.com")
    with every_row() as row:
        for then in TRANSPORTS:
            with row(then):
                attacker = Holder(api, transport).log_in("eve@example.com")
                fixed = Holder(api, then, type(attacker.jar)(attacker.jar)).log_in()
                assert fixed.sid not in {attacker.sid, victim.sid}
                assert set(fixed.jar.values()).isdisjoint(attacker.jar.values())
                assert attacker.is_revoked()
                assert not victim.is_revoked()
                assert fixed.is_in()


@by_cookie
def test_each_cookie_alone_is_enough_to_be_revoked(api: Api, victim: Holder) -> None:
    with every_row() as row:
        for then in TRANSPORTS:
            for name in victim.jar:
                with row(f"{name}, then {then}"):
                    planted = Holder(api, victim.transport).log_in()
                    Holder(api, then, type(planted.jar)({name: planted.jar[name]})).log_in()
                    assert planted.is_revoked()


@pytest.mark.parametrize("transport", ["cookie"])
@pytest.mark.parametrize("then", TRANSPORTS)
def test_a_header_beside_a_cookie_ends_both_sessions(api: Api, victim: Holder, then: str) -> None:
    other = api.login()
    victim.transport, before = then, victim.copy()
    given = {"email": EMAIL, "password": PASSWORD, "transport": then}
    victim.jar.pop(NAMES["refresh"])
    answer = api.client.post("/login", json=given, headers=victim.jar.header | other.bearer)
    assert answer.status_code == 200
    assert before.is_revoked()
    assert api.verify(other) == 401


@by_cookie
def test_a_login_that_fails_revokes_nothing(api: Api, victim: Holder) -> None:
    given = {"email": EMAIL, "password": "wrong", "transport": victim.transport}
    assert victim.status("POST", "/login", json=given) == 401
    assert not victim.is_revoked()


@pytest.mark.parametrize("then", TRANSPORTS)
def test_a_login_clears_whatever_cookie_it_does_not_set(api: Api, then: str) -> None:
    api.register()
    planted = cookie_header(*((name, "planted") for name in NAMES.values()))
    given = {"email": EMAIL, "password": PASSWORD, "transport": then}
    cookies = set_cookies(api.client.post("/login", json=given, headers=planted))
    assert set(cookies) == set(NAMES.values())
    kept = {name for name, cookie in cookies.items() if not cookie.clears}
    held = {"hybrid": ["refresh"], "cookie": ["access", "refresh"], "session": ["session"]}
    assert kept == {NAMES[kind] for kind in held.get(then, [])}
    assert "planted" not in str(cookies)


@pytest.mark.parametrize("transport", ["cookie"])
def test_no_cookie_is_larger_than_browsers_keep(make_api: MakeApi, transport: str) -> None:
    from authapi.services.accounts.registration import NewUser, add_user
    from authapi.services.accounts.scopes import MAX_LENGTH

    url = "https://" + "a" * 63 + ".example/" + "b" * 300
    api = make_api(
        public_url=url[:300], audience="a" * 200, signing_algorithm="RS256", session_ttl=315360000
    )
    runtime = api.app.state.runtime
    scopes = " ".join("s" * 9 for _ in range(MAX_LENGTH // 10)).ljust(MAX_LENGTH, "s")
    user = NewUser(EMAIL, PASSWORD, scopes=scopes)
    add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)
    holder = Holder(api, transport).log_in()
    sizes = {name: len(cookie.header) for name, cookie in set_cookies(holder.answer).items()}
    assert max(sizes.values()) <= 4096, sizes
    assert holder.is_in()
