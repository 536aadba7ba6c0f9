"""As in production: https, cookies that begin with `__Host-Http-`, a page of the same site."""

import secrets
from time import time

import httpx
import pytest

from tests.browser.conftest import NewDevice
from tests.browser.tls import Sites
from tests.browser.visitor import PASSWORD, Visitor
from tests.support.server import ANSWER_TIMEOUT
from tests.support.until import until

COOKIES = {
    "hybrid": {"__Host-Http-refresh": "Strict"},
    "cookie": {"__Host-Http-access": "Lax", "__Host-Http-refresh": "Strict"},
    "session": {"__Host-Http-session": "Lax"},
}
DAY = 86400


@pytest.fixture(params=COOKIES)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ada(secure_sites: Sites, new_secure_device: NewDevice, transport: str) -> Visitor:
    """Logged in at the SPA of https://auth.test, by each transport in turn."""
    email = f"ada-{secrets.token_hex(4)}@example.com"
    body = {"email": email, "password": PASSWORD}
    register = f"http://127.0.0.1:{secure_sites.auth}/register"
    assert (
        httpx.post(register, json=body, trust_env=False, timeout=ANSWER_TIMEOUT).status_code == 201
    )
    visitor = Visitor(new_secure_device(), secure_sites.url("auth"), email)
    visitor.client(f"await auth.login({visitor.credentials(transport)})")
    visitor.sees_account()
    return visitor


def jar(visitor: Visitor) -> dict[str, str]:
    return {str(cookie["name"]): str(cookie["value"]) for cookie in visitor.device.cookies()}


def test_the_browser_keeps_the_cookies_as_the_docs_have_them(ada: Visitor, transport: str) -> None:
    cookies = ada.device.cookies()
    assert {cookie["name"]: cookie["sameSite"] for cookie in cookies} == COOKIES[transport]
    for cookie in cookies:
        assert cookie["secure"]
        assert cookie["httpOnly"]
        # No leading dot: for this host alone.
        assert (cookie["domain"], cookie["path"]) == ("auth.test", "/")
        assert time() < cookie["expires"] < time() + 31 * DAY


def test_no_script_can_read_or_replace_a_cookie(ada: Visitor) -> None:
    before = jar(ada)
    seen = "[document.cookie, (await cookieStore.getAll()).length]"
    assert ada.client(f"return {seen}") == ["", 0]
    for name in before:
        ada.page.evaluate(f"document.cookie = '{name}=planted; Secure; Path=/'")
    assert jar(ada) == before
    assert ada.client(f"return {seen}") == ["", 0]
    ada.is_still_herself()


def test_a_subdomain_can_plant_no_cookie(ada: Visitor, secure_sites: Sites) -> None:
    """Over http it can, and two cookies of one name log out: tests/browser/test_cross_site.py."""
    before = ada.device.cookies()
    stranger = ada.device.new_page()
    stranger.goto(secure_sites.url("stranger.auth"))
    for name in jar(ada):
        for scope in ("Domain=auth.test; ", ""):
            planted = f"{name}=planted; {scope}Secure; Path=/"
            stranger.evaluate("(cookie) => { document.cookie = cookie }", planted)
    assert ada.device.cookies() == before  # not even for itself: `__Host-Http-` wants an answer's
    ada.is_still_herself()


def test_a_script_can_plant_no_cookie_where_there_is_none(
    secure_sites: Sites, new_secure_device: NewDevice
) -> None:
    """A cookie of an attacker's session would log the visitor in as the attacker."""
    visitor = Visitor(new_secure_device(), secure_sites.url("auth"), "nobody@example.com")
    for name in ("__Host-other", *COOKIES["cookie"], *COOKIES["session"]):
        visitor.page.evaluate(f"document.cookie = '{name}=planted; Secure; Path=/'")
    assert jar(visitor) == {"__Host-other": "planted"}


def test_the_session_survives_a_reload(ada: Visitor, transport: str) -> None:
    ada.page.reload()
    ada.sees_account()
    cookies = ada.device.cookies()
    assert {cookie["name"]: cookie["sameSite"] for cookie in cookies} == COOKIES[transport]
    ada.is_still_herself()


def test_a_session_that_is_not_remembered_ends_with_the_browser(
    ada: Visitor, transport: str
) -> None:
    credentials = f"{{...{ada.credentials(transport)}, remember: false}}"
    ada.client(f"await auth.login({credentials})")
    assert {cookie["expires"] for cookie in ada.device.cookies()} == {-1}
    ada.is_still_herself()
    if transport != "session":
        ada.client("await auth.restore()")
        assert {cookie["expires"] for cookie in ada.device.cookies()} == {-1}


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_a_refresh_replaces_the_cookies_by_their_like(ada: Visitor, transport: str) -> None:
    before = jar(ada)["__Host-Http-refresh"]

    def is_replaced() -> bool:
        ada.client("await auth.restore()")
        return jar(ada)["__Host-Http-refresh"] != before

    until(is_replaced, seconds=60, every=0.2)  # not within twice the overlap: a tab may lag behind
    cookies = ada.device.cookies()
    assert {cookie["name"]: cookie["sameSite"] for cookie in cookies} == COOKIES[transport]
    assert all(cookie["secure"] and cookie["httpOnly"] for cookie in cookies)
    ada.is_still_herself()


def test_two_tabs_refresh_at_one_moment_and_log_out_together(ada: Visitor) -> None:
    other = ada.open_tab()
    ada.sees_account(other)
    for page in (ada.page, other):
        ada.client("window.renewed = auth.restore(); return true", page)
    for page in (ada.page, other):
        assert ada.client("return (await window.renewed).session_id", page)
    other.reload()
    ada.sees_account(other)
    other.click("#logout")
    ada.sees_login(other)
    ada.sees_login()
    assert ada.device.cookies() == []
    assert ada.problems == []


def test_the_browser_is_told_to_stay_on_https(
    secure_sites: Sites, new_secure_device: NewDevice
) -> None:
    answer = new_secure_device().new_page().goto(f"{secure_sites.url('auth')}/auth/healthz")
    assert answer
    assert "max-age=" in answer.headers["strict-transport-security"]
