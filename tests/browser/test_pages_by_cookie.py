"""examples/pages with TRANSPORT=cookie: the site refreshes, and there is no line of JavaScript."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHORT
from tests.browser.processes import example
from tests.browser.test_pages_example import EMAIL, fill, sign_out_others
from tests.support.until import until

COOKIES = {"authapi-access", "authapi-refresh", "site-refresh-key"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the site's address. An access token lives SHORT seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRANSPORT", "cookie")
        folder = tmp_path_factory.mktemp("pages")
        settings = {"access_token_ttl": SHORT, "refresh_overlap_cookie": 1}
        with example("pages/pages.py", folder, mail_dir="mail", **settings) as url:
            yield url


@pytest.fixture
def page(site: str, new_page: Callable[[], Page]) -> Page:
    """Return a page of somebody who is logged in."""
    page = new_page()
    log_in(page, site)
    return page


def log_in(page: Page, site: str) -> None:
    page.goto(f"{site}/login")
    fill(page)
    if page.locator("h1").inner_text() == "Log in":
        fill(page, "register")
    expect(page).to_have_url(f"{site}/dashboard")


def names(page: Page) -> set[str]:
    return {str(cookie["name"]) for cookie in page.context.cookies()}


def value(page: Page, name: str) -> str:
    return next(str(c["value"]) for c in page.context.cookies() if c["name"] == name)


def wait_for_the_end_of_the_access_cookie(page: Page) -> None:
    until(lambda: "authapi-access" not in names(page), seconds=60, every=0.1)


def test_it_stays_logged_in_when_the_access_cookie_has_ended(page: Page) -> None:
    assert names(page) == COOKIES
    before = {name: value(page, name) for name in COOKIES}
    for _ in range(2):
        wait_for_the_end_of_the_access_cookie(page)
        page.reload()
        expect(page.locator("dl")).to_contain_text(EMAIL)
        assert names(page) == COOKIES
    assert all(value(page, name) != before[name] for name in COOKIES)


def test_a_form_that_is_sent_after_that_end_still_counts(page: Page) -> None:
    cart = page.get_by_role("region", name="Cart")
    wait_for_the_end_of_the_access_cookie(page)
    cart.get_by_role("button", name="Add Moon chart").click()
    expect(cart).to_contain_text("1 in the cart")
    cart.get_by_role("button", name="Add Moon chart").click()
    expect(cart).to_contain_text("2 in the cart")


def test_a_form_without_the_token_changes_nothing(site: str, page: Page, elsewhere: int) -> None:
    page.goto(f"http://localhost:{elsewhere}/")
    item = '<input name="csrf_token" value="planted"><button name="item" value="Moon chart">x'
    page.set_content(f'<form method="post" action="{site}/cart">{item}</button></form>')
    page.click("button")
    expect(page.locator("body")).to_contain_text("csrf_failed")
    page.goto(f"{site}/dashboard")
    expect(page.get_by_role("region", name="Cart")).not_to_contain_text("1 in the cart")


def test_a_link_of_another_site_finds_the_session(site: str, page: Page, elsewhere: int) -> None:
    wait_for_the_end_of_the_access_cookie(page)
    page.goto(f"http://127.0.0.1:{elsewhere}/")
    page.set_content(f'<a href="{site}/dashboard">to the dashboard</a>')
    page.click("a")
    expect(page.locator("dl")).to_contain_text(EMAIL)


def test_a_link_of_another_site_shows_a_guest_the_log_in(
    site: str, new_page: Callable[[], Page], elsewhere: int
) -> None:
    page = new_page()
    page.goto(f"http://127.0.0.1:{elsewhere}/")
    page.set_content(f'<a href="{site}/dashboard">to the dashboard</a>')
    page.click("a")
    expect(page.locator("h1")).to_have_text("Log in")


def test_another_device_ends_the_session_and_its_cart(
    site: str, page: Page, new_page: Callable[[], Page]
) -> None:
    cart = page.get_by_role("region", name="Cart")
    cart.get_by_role("button", name="Add Moon chart").click()
    expect(cart).to_contain_text("1 in the cart")
    laptop = new_page()
    log_in(laptop, site)
    expect(laptop.get_by_role("region", name="Cart")).not_to_contain_text("1 in the cart")
    sign_out_others(laptop)
    page.reload()
    expect(page.locator("h1")).to_have_text("Log in")
    fill(page)
    expect(cart).not_to_contain_text("1 in the cart")


def test_a_log_out_takes_all_cookies(site: str, page: Page) -> None:
    kept = page.context.cookies()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{site}/login")
    assert page.context.cookies() == []
    page.context.add_cookies(kept)
    page.goto(f"{site}/dashboard")
    expect(page.locator("h1")).to_have_text("Log in")
