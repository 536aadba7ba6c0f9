"""A page of another site, over https: COOKIE_SAMESITE=none, CORS with credentials.

A browser that lets other sites keep cookies then sends them along whoever asks: only `Origin` and
the CSRF token stand between a third site and the session. Chromium has to be told to let them.
"""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response

from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE, NewDevice
from tests.browser.test_cross_site import DANGEROUS, FETCH, SEND_FORM
from tests.browser.tls import Sites
from tests.browser.visitor import PASSWORD
from tests.support.server import ANSWER_TIMEOUT

COOKIES = {
    "hybrid": {"__Host-Http-refresh"},
    "cookie": {"__Host-Http-access", "__Host-Http-refresh"},
    "session": {"__Host-Http-session"},
}


class Guest:
    """Somebody at https://spa.test, whose page asks the authapi of another site."""

    def __init__(self, device: BrowserContext, sites: Sites, name: str) -> None:
        self.api = f"{sites.url(name)}/auth"
        self.page = device.new_page()
        self.page.goto(sites.url("spa"))
        self.body = {"email": f"{secrets.token_hex(4)}@example.com", "password": PASSWORD}
        register = f"http://127.0.0.1:{getattr(sites, name)}/register"
        assert (
            httpx.post(
                register, json=self.body, trust_env=False, timeout=ANSWER_TIMEOUT
            ).status_code
            == 201
        )

    def run(self, script: str) -> Any:
        return self.page.evaluate(
            f"(async () => {{ const {{ AuthClient }} = await import('{self.api}/client.js');"
            f"window.auth ??= new AuthClient({{ baseUrl: '{self.api}' }}); {script} }})()"
        )

    def log_in(self, transport: str) -> None:
        self.run(f"await auth.login({json.dumps(self.body | {'transport': transport})})")

    def restored(self) -> Any:
        return self.run("return await auth.restore()")

    def changes_something(self) -> Any:
        """The status of a request that needs the credential and the CSRF token."""
        headers = "headers: { 'Content-Type': 'application/json' }"
        init = f"{{ method: 'PATCH', body: JSON.stringify({{ username: null }}), {headers} }}"
        return self.run(f"return (await auth.fetch('{self.api}/me', {init})).status")


@pytest.fixture(params=COOKIES)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tolerant_device(browser: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose user has switched on the cookies of other sites."""
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text('{"profile": {"cookie_controls_mode": 0}}', encoding="utf-8")
    device = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=CHROMIUM, args=FLAGS, ignore_https_errors=True
    )
    device.set_default_timeout(PATIENCE)
    yield device
    device.close()


@pytest.fixture
def guest(secure_sites: Sites, tolerant_device: BrowserContext, transport: str) -> Guest:
    """Logged in at the authapi that has COOKIE_SAMESITE=none."""
    guest = Guest(tolerant_device, secure_sites, "open")
    guest.log_in(transport)
    return guest


@pytest.fixture
def third(guest: Guest, secure_sites: Sites) -> Page:
    """A page of a third site, in the same browser."""
    page = guest.page.context.new_page()
    page.goto(secure_sites.url("evil"))
    return page


def test_a_session_lives_on_another_site(guest: Guest, transport: str) -> None:
    cookies = guest.page.context.cookies()
    assert {cookie["name"] for cookie in cookies} == COOKIES[transport]
    assert {(cookie["sameSite"], cookie["secure"]) for cookie in cookies} == {("None", True)}
    assert guest.changes_something() == 200
    guest.page.reload()
    assert guest.restored()["transport"] == transport
    assert guest.changes_something() == 200
    assert guest.run("return document.cookie") == ""
    guest.run("await auth.logout()")
    assert guest.page.context.cookies() == []
    assert guest.restored() is None


def test_without_that_setting_the_browser_keeps_no_cookie_of_another_site(
    secure_sites: Sites, tolerant_device: BrowserContext, transport: str
) -> None:
    guest = Guest(tolerant_device, secure_sites, "auth")
    guest.log_in(transport)
    assert guest.page.context.cookies() == []
    guest.page.reload()
    assert guest.restored() is None


def test_a_browser_that_keeps_them_out_is_logged_out_after_a_reload(
    secure_sites: Sites, new_secure_device: NewDevice, transport: str
) -> None:
    """As they come from the shop; `bearer`, or one domain for both, is the way out."""
    guest = Guest(new_secure_device(), secure_sites, "open")
    guest.log_in(transport)
    assert guest.page.context.cookies() == []
    guest.page.reload()
    assert guest.restored() is None


def test_a_third_site_reads_nothing(guest: Guest, third: Page) -> None:
    load = f"import('{guest.api}/client.js').then(() => 'loaded', () => 'refused')"
    assert third.evaluate(load) == "refused"
    for path in ("/me", "/csrf", "/sessions", "/verify"):
        answer = third.evaluate(FETCH, [f"{guest.api}{path}", {"credentials": "include"}])
        assert str(answer).startswith("refused")


def test_a_third_site_changes_nothing_although_the_cookies_come_along(
    guest: Guest, third: Page
) -> None:
    before = guest.page.context.cookies()
    answers: list[Response] = []
    third.context.on("response", lambda answer: answers.append(answer))
    for path in DANGEROUS:
        with third.context.expect_page() as opened:
            third.evaluate(SEND_FORM, [f"{guest.api}{path}", "text/plain", []])
        opened.value.wait_for_load_state()
        init = {"method": "POST", "mode": "no-cors", "credentials": "include"}
        assert str(third.evaluate(FETCH, [f"{guest.api}{path}", init])).startswith("refused")
    assert len(answers) >= len(DANGEROUS)
    for answer in answers:
        assert "__Host-Http-" in answer.request.all_headers()["cookie"]
        assert answer.status in {400, 401, 403}, answer.url
    assert guest.page.context.cookies() == before
    assert guest.restored()
    assert guest.changes_something() == 200
