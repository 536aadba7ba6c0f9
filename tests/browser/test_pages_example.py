"""examples/pages: log-in, dashboard and log-out without a line of JavaScript."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.processes import example

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with example("pages/pages.py", tmp_path_factory.mktemp("pages")) as url:
        yield url


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """A browser that runs no scripts, with a jar of its own, each time."""
    contexts: list[BrowserContext] = []

    def new() -> Page:
        contexts.append(browser.new_context(java_script_enabled=False))
        contexts[-1].set_default_timeout(PATIENCE)
        return contexts[-1].new_page()

    yield new
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def account(site: str, browser: Browser) -> str:
    """Somebody who made an account by the form."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}/login")
        fill(page, "register")
        expect(page).to_have_url(f"{site}/dashboard")
    return EMAIL


def fill(page: Page, button: str = "login", password: str = PASSWORD) -> None:
    page.fill("[name=email]", EMAIL)
    page.fill("[name=password]", password)
    page.click(f"button[value={button}]")


def test_a_protected_page_comes_back_after_the_log_in(
    site: str, account: str, new_page: Callable[[], Page]
) -> None:
    page = new_page()
    page.goto(f"{site}/dashboard?month=11&day=%2F")
    expect(page.locator("h1")).to_have_text("Log in")
    fill(page)
    expect(page).to_have_url(f"{site}/dashboard?month=11&day=%2F")
    expect(page.locator("dl")).to_contain_text(account)


@pytest.mark.parametrize(
    "way", ["//127.0.0.1/", "/\\127.0.0.1/", "https:127.0.0.1", "/%5c127.0.0.1"]
)
def test_no_link_to_the_log_in_page_leads_away_from_the_site(
    site: str, account: str, new_page: Callable[[], Page], way: str
) -> None:
    page = new_page()
    page.goto(f"{site}/login?next={way}")
    fill(page)
    expect(page).to_have_url(f"{site}/dashboard") if way != "/%5c127.0.0.1" else None
    assert page.url.startswith(f"{site}/")


def test_a_wrong_password_keeps_the_address_and_says_so(
    site: str, account: str, new_page: Callable[[], Page]
) -> None:
    page = new_page()
    page.goto(f"{site}/dashboard?month=11")
    fill(page, password="not the password")
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    expect(page.locator("[name=email]")).to_have_value(EMAIL)
    fill(page)
    expect(page).to_have_url(f"{site}/dashboard?month=11")


def test_another_device_can_be_signed_out(
    site: str, account: str, new_page: Callable[[], Page]
) -> None:
    phone, laptop = new_page(), new_page()
    for page in (phone, laptop):
        page.goto(f"{site}/login")
        fill(page)
        expect(page).to_have_url(f"{site}/dashboard")
    laptop.reload()
    while laptop.locator("li button").count():
        laptop.locator("li button").first.click()
        expect(laptop).to_have_url(f"{site}/dashboard")
    phone.reload()
    expect(phone.locator("h1")).to_have_text("Log in")


def test_a_log_out_ends_the_session_and_takes_the_cookie(
    site: str, account: str, new_page: Callable[[], Page]
) -> None:
    page = new_page()
    page.goto(f"{site}/login")
    fill(page)
    kept = page.context.cookies()
    assert [(c["name"], c["httpOnly"], c["sameSite"]) for c in kept] == [
        ("authapi-session", True, "Lax")
    ]
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{site}/login")
    assert page.context.cookies() == []
    page.context.add_cookies(kept)
    page.goto(f"{site}/dashboard")
    expect(page.locator("h1")).to_have_text("Log in")


def test_another_sites_form_logs_nobody_in_or_out(
    site: str, account: str, browser: Browser, elsewhere: int
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site}/login")
        fill(page)
        expect(page).to_have_url(f"{site}/dashboard")
        before = context.cookies()
        for host in ("127.0.0.1", "localhost"):
            for path in ("logout", "login"):
                page.goto(f"http://{host}:{elsewhere}/")
                fields = [("email", EMAIL), ("password", PASSWORD), ("csrf_token", "planted")]
                inputs = "".join(f'<input name="{name}" value="{text}">' for name, text in fields)
                form = f'<form method="post" action="{site}/{path}">{inputs}<button>x</button>'
                page.set_content(form)
                page.click("button")
                page.wait_for_url(f"{site}/**")
                assert context.cookies() == before
        page.goto(f"{site}/dashboard")
        expect(page.locator("dl")).to_contain_text(EMAIL)
