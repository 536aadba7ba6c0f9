"""Which cookies count and which are refused (docs/transports.md)."""

import pytest

from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.cookies import NAMES, cookie_header, set_cookies
from tests.support.databases import sqlite_only
from tests.support.raw_asgi import send_raw
from tests.support.rows import every_row
from tests.support.transports import COOKIE_TRANSPORTS, Holder

pytestmark = sqlite_only
by_cookie = pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)
sent_by_cookie = pytest.mark.parametrize("transport", ["cookie", "session"])


@sent_by_cookie
@pytest.mark.parametrize("order", [1, -1], ids=["attacker last", "attacker first"])
def test_two_cookies_of_one_name_are_refused(
    api: Api, victim: Holder, attacker: Holder, order: int
) -> None:
    pairs = [*victim.jar.items(), *attacker.jar.items()][::order]
    for path in ("/me", "/verify", "/sessions"):
        answer = api.client.get(path, headers=cookie_header(*pairs))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


@sent_by_cookie
def test_two_cookie_headers_are_one(api: Api, victim: Holder, attacker: Holder) -> None:
    # HTTP/2 splits a long one (RFC 9113 section 8.2.3).
    for path in ("/me", "/sessions"):
        both = [*victim.jar.header.items(), *attacker.jar.header.items()]
        assert send_raw(api.app, "GET", path, both).status == 401
        split = [("Cookie", f"{name}={value}") for name, value in victim.jar.items()]
        assert send_raw(api.app, "GET", path, split).status == 200


@sent_by_cookie
def test_a_second_one_that_means_nothing_is_one_too_many(api: Api, victim: Holder) -> None:
    with every_row() as row:
        for name in victim.jar:
            for more in (f"{name}=", f"{name}=x", name, f'{name}="'):
                with row(more):
                    headers = {"Cookie": f"{victim.jar.header['Cookie']}; {more}"}
                    expected = {200, 401} if name == NAMES["refresh"] else {401}
                    assert api.client.get("/me", headers=headers).status_code in expected


@by_cookie
def test_two_of_one_name_log_nobody_out(api: Api, victim: Holder, attacker: Holder) -> None:
    pairs = [*victim.jar.items(), *attacker.jar.items()]
    headers = cookie_header(*pairs) | {"X-CSRF-Token": str(victim.csrf_token)}
    assert api.client.post("/logout", headers=headers).status_code == 401
    assert not victim.is_revoked()
    assert not attacker.is_revoked()


@pytest.mark.parametrize("transport", ["cookie"])
def test_a_cookie_of_another_name_is_nothing(victim: Holder) -> None:
    value = victim.jar[NAMES["access"]]
    with every_row() as row:
        for name in ("authapi-ACCESS", "__Host-access", "access", "xauthapi-access"):
            with row(name):
                victim.jar = type(victim.jar)({name: value})
                assert not victim.is_in()


@pytest.mark.parametrize("transport", ["cookie", "session"])
def test_over_https_only_a_cookie_that_no_script_can_set_counts(
    make_api: MakeApi, transport: str
) -> None:
    """Of one kind with the names before: a script of the host's can set them, `__Host-` or not."""
    api = make_api(public_url="https://auth.example")
    api.register()
    holder = Holder(api, transport).log_in()
    kind = "access" if transport == "cookie" else "session"
    value = holder.jar[f"__Host-Http-{kind}"]
    prefixes = ("__Host-", "__Http-", "__Secure-", "authapi-", "Http-", "", "__host-http-")
    with every_row() as row:
        for prefix in prefixes:
            with row(prefix):
                holder.jar = type(holder.jar)({f"{prefix}{kind}": value})
                assert not holder.is_in()
    holder.jar = type(holder.jar)({f"__Host-Http-{kind}": value})
    assert holder.is_in()


@sent_by_cookie
def test_a_value_that_can_be_none_is_refused(api: Api, victim: Holder) -> None:
    name = NAMES["access" if victim.transport == "cookie" else "session"]
    with every_row() as row:
        for value in ("", "x", "a.b.c", "\xff", "%00", "a" * 9000, '"a"', "a b"):
            with row(value[:9]):
                answer = send_raw(api.app, "GET", "/me", [("Cookie", f"{name}={value}")])
                assert answer.status == 401


@sent_by_cookie
def test_a_bearer_header_outranks_cookies(api: Api, victim: Holder, attacker: Holder) -> None:
    bearer = api.login("eve@example.com")
    for path in ("/me", "/sessions"):
        both = api.client.get(path, headers=victim.headers | bearer.bearer)
        assert both.json() == api.client.get(path, headers=bearer.bearer).json()
    answer = api.client.get("/verify", headers=victim.headers | bearer.bearer)
    assert answer.headers["X-Auth-Session"] == bearer.sid


@sent_by_cookie
def test_a_bad_one_outranks_them_too(victim: Holder) -> None:
    with every_row() as row:
        for header in ("Bearer x", "Bearer", "Bearer ", "Basic YTpi", ""):
            with row(header):
                assert victim.status("GET", "/me", headers={"Authorization": header}) == 401
                assert victim.status("GET", "/verify", headers={"Authorization": header}) == 401


@sent_by_cookie
def test_no_value_is_repeated_by_any_answer(api: Api, victim: Holder) -> None:
    values = victim.jar.values()
    requests = (("GET", "/me"), ("GET", "/verify"), ("GET", "/sessions"), ("GET", "/csrf"))
    for method, path in (*requests, ("POST", "/me"), ("GET", "/nothing"), ("POST", "/refresh")):
        answer = victim.send(method, path, json={"x": 1} if method == "POST" else None)
        whole = answer.text + str(
            [pair for pair in answer.headers.items() if pair[0] != "set-cookie"]
        )
        assert [value for value in values if value in whole] == []


@by_cookie
def test_a_csrf_failure_clears_nothing(victim: Holder) -> None:
    victim.body.pop("access_token", None)
    victim.csrf_token = None
    for path in ("/logout", "/refresh") if victim.transport != "session" else ("/logout",):
        answer = victim.send("POST", path)
        assert (answer.status_code, answer.json()["error"]) == (403, "csrf_failed")
        assert set_cookies(answer) == {}
    assert not victim.is_revoked()


@by_cookie
def test_a_logout_clears_what_is_of_no_use_too(api: Api, victim: Holder) -> None:
    headers = {"X-CSRF-Token": "x"} | cookie_header((NAMES["access"], "x"), (NAMES["session"], ""))
    answer = api.client.post("/logout", headers=headers)
    assert answer.status_code == 401
    assert set(set_cookies(answer)) == {NAMES["access"], NAMES["session"]}


@sent_by_cookie
def test_ours_among_very_many_others_count(api: Api, victim: Holder) -> None:
    """The kind: what is left out, so that a head full of cookies costs little, takes ours along."""
    many = "a=b; " * 2000
    ours = victim.jar.header["Cookie"]
    with every_row() as row:
        for cookies in (many + ours, f"{ours}; {many}", f"{many}{ours}; {many}"):
            with row(cookies[:20]):
                assert api.client.get("/me", headers={"Cookie": cookies}).status_code == 200
        for cookies in (f"{ours}; {many}{ours}", many + "; ".join([ours] * 100)):
            with row(cookies[-20:]):
                assert api.client.get("/me", headers={"Cookie": cookies}).status_code == 401
