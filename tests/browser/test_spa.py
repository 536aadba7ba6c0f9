"""examples/spa and clients/js in a real browser, with transports hybrid and cookie."""

from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NewDevice
from tests.browser.visitor import PASSWORD, WATCH, Visitor

# The access token of whatever transport, and whether the server still takes it.
IS_OVER = """async () => {
  while ((await fetch("/auth/verify", { headers: window.bearer ?? {} })).status !== 401) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}"""


def wait_for_expiry(visitor: Visitor) -> None:
    """Until the server refuses the access token that the page was last given."""
    token = None
    for request in visitor.requests:
        token = request.headers.get("authorization", token)
    headers = {"Authorization": token} if token else {}
    visitor.page.evaluate("(headers) => { window.bearer = headers }", headers)
    visitor.page.evaluate(IS_OVER)


def come_back(page: Page) -> None:
    """As if the tab had been hidden and is looked at again: the page asks for the devices."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def look_again(*pages: Page) -> None:
    """Come back to all of them at once, and wait until each was answered."""
    with ExitStack() as answered:
        for page in pages:
            answered.enter_context(page.expect_response("**/auth/sessions"))
        for page in pages:
            come_back(page)


def test_a_log_in_shows_the_profile_and_the_device(ada: Visitor, transport: str) -> None:
    expect(ada.page.locator("#transport")).to_have_text(transport)
    expect(ada.page.locator("#devices li")).to_have_count(1)
    expect(ada.page.locator("#devices .badge")).to_be_visible()


def test_a_wrong_password_is_told_in_a_sentence(ada: Visitor, transport: str) -> None:
    ada.page.click("#logout")
    ada.page.fill("[name=email]", ada.email)
    ada.page.fill("[name=password]", "not the password")
    ada.page.click("button[value=login]")
    expect(ada.page.locator("#login .problem")).to_have_text(
        "The e-mail address or the password is wrong."
    )


def test_a_stranger_can_make_an_account(spa: str, new_device: NewDevice, transport: str) -> None:
    eve = Visitor(new_device(), spa, f"eve-{transport}@example.com")
    eve.page.fill("[name=email]", eve.email)
    eve.page.fill("[name=password]", "a password of her own")
    eve.page.check(f"[value={transport}]")
    eve.page.click("button[value=register]")
    eve.sees_account()


def test_no_script_can_read_a_cookie_and_nothing_stored_is_a_token(
    ada: Visitor, transport: str
) -> None:
    stored = "JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])"
    text = ada.page.evaluate(stored)
    assert ada.page.evaluate("document.cookie") == ""
    held = [ada.cookie("refresh"), *([ada.cookie("access")] if transport == "cookie" else [])]
    for token in held:
        assert token
        assert token not in text
    assert "eyJ" not in text


def test_the_page_survives_a_reload(ada: Visitor) -> None:
    ada.page.evaluate(WATCH)
    ada.page.reload()
    ada.sees_account()
    assert ada.problems == []


def test_an_expired_token_is_replaced_without_a_flicker(impatient: Visitor) -> None:
    impatient.page.evaluate(WATCH)
    wait_for_expiry(impatient)
    before = len(impatient.asked_for("refresh"))
    impatient.page.locator("#devices").evaluate("list => list.replaceChildren()")
    come_back(impatient.page)
    expect(impatient.page.locator("#devices li")).to_have_count(1)
    assert len(impatient.asked_for("refresh")) > before
    assert impatient.page.evaluate("window.seen") == []


def test_many_requests_share_one_refresh_before_their_token_is_refused(ada: Visitor) -> None:
    refused = []
    ada.device.on("response", lambda r: refused.append(r.url) if r.status == 401 else None)
    ada.client("await auth.restore()")
    before = len(ada.asked_for("refresh"))
    # The last half minute of a quarter of an hour, by the browser's own clock.
    ada.page.evaluate("const now = Date.now; Date.now = () => now() + (900 - 29) * 1000")
    statuses = ada.client(
        "return (await Promise.all(Array.from({ length: 8 }, () => auth.fetch('/auth/me'))))"
        ".map((response) => response.status)"
    )
    assert statuses == [200] * 8
    assert len(ada.asked_for("refresh")) == before + 1
    assert refused == []


def test_many_requests_share_one_refresh_after_it_was_refused(ada: Visitor) -> None:
    """Another secret, a key that was compromised, a sleep: the client could not know."""
    ada.client("await auth.restore()")
    before = len(ada.asked_for("refresh"))
    refusals = [401] * 4

    def refuse(route: Route) -> None:
        if refusals:
            route.fulfill(status=refusals.pop(), json={"error": "invalid_token"})
        else:
            route.fallback()

    ada.device.route("**/auth/me", refuse)
    statuses = ada.client(
        "return (await Promise.all(Array.from({ length: 4 }, () => auth.fetch('/auth/me'))))"
        ".map((response) => response.status)"
    )
    assert statuses == [200] * 4
    assert len(ada.asked_for("refresh")) == before + 1


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_browser_whose_clock_is_wrong_stays_logged_in(ada: Visitor, hours: int) -> None:
    ada.page.add_init_script(f"const n = Date.now; Date.now = () => n() + {hours} * 3600000")
    ada.page.reload()
    ada.sees_account()
    before = len(ada.asked_for("refresh"))
    look_again(ada.page)
    assert len(ada.asked_for("refresh")) == before


def test_a_log_in_shows_in_the_other_tab(ada: Visitor, transport: str) -> None:
    ada.page.click("#logout")
    ada.sees_login()
    other = ada.open_tab()
    ada.sees_login(other)
    ada.log_in(transport)
    ada.sees_account(other)


def test_a_log_out_shows_in_the_other_tab(ada: Visitor) -> None:
    other = ada.open_tab()
    ada.sees_account(other)
    other.click("#logout")
    ada.sees_login(other)
    ada.sees_login()
    assert ada.device.cookies() == []


def test_another_log_in_in_the_other_tab_is_adopted(ada: Visitor, transport: str) -> None:
    other = ada.open_tab()
    ada.sees_account(other)
    ada.client(f"await auth.login({ada.credentials(transport)})", other)
    ada.sees_account(other)
    look_again(ada.page)
    expect(ada.page.locator("#devices li")).to_have_count(1)
    ada.sees_account()


def test_five_tabs_that_refresh_at_once_stay_logged_in(impatient: Visitor) -> None:
    tabs = [impatient.page, *(impatient.open_tab() for _ in range(4))]
    for tab in tabs:
        impatient.sees_account(tab)
    for _ in range(3):
        wait_for_expiry(impatient)
        look_again(*tabs)
        for tab in tabs:
            expect(tab.locator("#devices li")).to_have_count(1)
    for tab in tabs:
        tab.reload()
        impatient.sees_account(tab)
    assert impatient.problems == []


def test_five_tabs_without_a_lock_stay_logged_in(impatient: Visitor) -> None:
    """An old browser, or a page without a secure context."""
    impatient.device.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"
    )
    impatient.page.reload()
    impatient.sees_account()
    tabs = [impatient.page, *(impatient.open_tab() for _ in range(4))]
    for tab in tabs:
        impatient.sees_account(tab)
    wait_for_expiry(impatient)
    for tab in tabs:
        come_back(tab)
    for tab in tabs:
        tab.reload()
        impatient.sees_account(tab)


def test_a_device_can_be_signed_out_from_another(
    ada: Visitor, new_device: NewDevice, transport: str
) -> None:
    phone = ada.on(new_device())
    phone.log_in(transport)
    ada.page.reload()
    expect(ada.page.locator("#devices li")).to_have_count(2)
    ada.page.locator("#devices li:not(:has(.badge:visible)) button").click()
    expect(ada.page.locator("#devices li")).to_have_count(1)
    come_back(phone.page)
    phone.sees_login()
    expect(phone.page.locator("#notice")).to_have_text(
        "Your session has ended. Please log in again."
    )


def test_a_refused_token_is_logged_out_before_a_log_in_is_asked_for(ada: Visitor) -> None:
    with ada.elsewhere() as other:
        assert other.delete("/sessions").status_code == 204
    come_back(ada.page)
    ada.sees_login()
    (logout,) = ada.asked_for("logout")
    answer = logout.response()
    assert answer
    assert answer.status == 204
    assert ada.device.cookies() == []


@pytest.mark.parametrize("cookie_came", [False, True])
def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    impatient: Visitor, *, cookie_came: bool
) -> None:
    wait_for_expiry(impatient)
    jar = impatient.device.cookies()
    keys = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            route.fallback()
            return
        route.fetch()
        if not cookie_came:
            impatient.device.clear_cookies()
            impatient.device.add_cookies(jar)
        route.abort()

    impatient.device.route("**/auth/refresh", lose_the_first)
    impatient.page.reload()
    impatient.sees_account()
    assert keys[0] == keys[1]
    # A cookie whose coming the page never heard of is next used with the key that it came by.
    impatient.page.reload()
    wait_for_expiry(impatient)
    impatient.page.reload()
    impatient.sees_account()
    assert impatient.problems == []


def test_a_key_goes_with_the_token_that_it_was_used_for(impatient: Visitor) -> None:
    """One key until an answer said `rotated`, then another."""
    told: list[tuple[str, Any]] = []

    def note(route: Route) -> None:
        response = route.fetch()
        told.append((route.request.headers["idempotency-key"], response.json()["rotated"]))
        route.fulfill(response=response)

    impatient.device.route("**/auth/refresh", note)
    wait_for_expiry(impatient)
    for _ in range(3):
        impatient.page.reload()
        impatient.sees_account()
    assert told[0][1]
    for (key, rotated), (next_key, _) in pairwise(told):
        assert (next_key != key) == rotated


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_for_a_moment_is_waited_out(ada: Visitor, status: int) -> None:
    left = [1, 1]

    def refuse(route: Route) -> None:
        if left:
            left.pop()
            route.fulfill(status=status, headers={"Retry-After": "0"})
        else:
            route.fallback()

    ada.device.route("**/auth/me", refuse)
    ada.page.reload()
    ada.sees_account()


@pytest.mark.parametrize("path", ["me", "refresh", "csrf"])
def test_a_server_that_refuses_for_good_is_not_asked_for_ever(ada: Visitor, path: str) -> None:
    refusal = {"error": "unavailable", "error_description": "Try again soon."}
    ada.device.route(
        f"**/auth/{path}",
        lambda route: route.fulfill(status=503, headers={"Retry-After": "0"}, json=refusal),
    )
    before = len(ada.asked_for(path))
    ada.page.reload()
    expect(ada.page.get_by_text("Try again soon.")).to_be_visible()
    assert len(ada.asked_for(path)) == before + 3
    ada.device.unroute(f"**/auth/{path}")
    ada.is_still_herself()


def test_the_client_holds_a_session_of_transport_session(spa: str, new_device: NewDevice) -> None:
    ada = Visitor.registered(new_device(), spa)
    ada.client(f"await auth.login({ada.credentials('session')})")
    patch = (
        "await auth.restore(); return (await auth.fetch('/auth/me', { method: 'PATCH', body: "
        "JSON.stringify({ username: null }), headers: { 'Content-Type': 'application/json' } }))"
        ".status"
    )
    assert ada.client(patch) == 200
    ada.page.reload()
    assert ada.client(patch) == 200
    with ada.elsewhere() as other:
        assert other.delete("/sessions").status_code == 204
    gone = "let reason; auth.addEventListener('ended', (event) => (reason = event.detail.reason));"
    gone += "return [(await auth.fetch('/auth/me')).status, reason, auth.session]"
    assert ada.client(gone) == [401, "refused", None]
    assert ada.device.cookies() == []


def test_log_out_everywhere_ends_the_other_device(ada: Visitor) -> None:
    with ada.elsewhere() as other:
        ada.client("await auth.restore(); await auth.logout({ everywhere: true })")
        ada.sees_login()
        assert other.get("/me").status_code == 401


def test_a_changed_password_gives_every_tab_the_new_session(ada: Visitor) -> None:
    second = ada.open_tab()
    ada.sees_account(second)
    change = f"current_password: '{PASSWORD}', new_password: 'a new and much longer phrase'"
    with ada.elsewhere() as other:
        told = ada.client(
            "await auth.restore(); const before = auth.session.session_id;"
            f"const session = await auth.changePassword({{ {change} }});"
            "return [session.session_id !== before, (await auth.fetch('/auth/me')).status]"
        )
        assert told == [True, 200]
        assert other.get("/me").status_code == 401
    look_again(second)
    ada.sees_account(second)
    ada.is_still_herself()
