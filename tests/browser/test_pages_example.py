"""examples/pages: log-in, dashboard and log-out without a line of JavaScript."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.processes import example
from tests.support.mails import arriving, mails_in
from tests.support.until import until

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with example("pages/pages.py", folder, mail_dir="mail") as url:
        yield url


@pytest.fixture(scope="module")
def account(site: str, browser: Browser) -> str:
    """Somebody who made an account by the form."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}/login")
        fill(page, "register")
        expect(page).to_have_url(f"{site}/dashboard")
    return EMAIL


def fill(page: Page, button: str = "login", password: str = PASSWORD, email: str = EMAIL) -> None:
    page.fill("[name=email]", email)
    page.fill("[name=password]", password)
    page.click(f"button[value={button}]")


def sign_out_others(page: Page) -> None:
    """End every other session of the dashboard's list."""
    others = page.locator("button[aria-label^='Sign out ']")
    for left in range(others.count(), 0, -1):
        others.first.click()
        expect(others).to_have_count(left - 1)


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
    sign_out_others(laptop)
    phone.reload()
    expect(phone.locator("h1")).to_have_text("Log in")


def test_a_log_out_ends_the_session_and_takes_the_cookie(
    site: str, account: str, new_page: Callable[[], Page]
) -> None:
    page = new_page()
    page.goto(f"{site}/login")
    fill(page)
    expect(page).to_have_url(f"{site}/dashboard")
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


def test_a_new_account_verifies_its_address_by_a_page_of_authapi(
    site: str, folder: Path, new_page: Callable[[], Page]
) -> None:
    page, inbox, email = new_page(), folder / "mail", "eve@example.com"
    page.goto(f"{site}/login")
    fill(page, "register", email=email)
    expect(page.get_by_role("region", name="Verify")).to_contain_text(f"a mail to {email}")
    first = arriving(inbox, email, "Verify")
    page.get_by_role("button", name="Send the mail again").click()
    expect(page.get_by_role("status")).to_contain_text("A new mail is on its way.")
    until(lambda: len(mails_in(inbox, email)) == 2, seconds=60, every=0.05)
    (second,) = [mail for mail in mails_in(inbox, email) if mail.token != first.token]
    phone = new_page()
    phone.goto(second.link)
    assert phone.url.startswith(f"{site}/auth/email/verify?token=")
    phone.get_by_role("button", name="Verify the address").click()
    expect(phone.get_by_role("main")).to_contain_text("Your e-mail address is verified.")
    page.reload()
    expect(page.locator("dl")).to_contain_text(email)
    expect(page.get_by_role("region", name="Verify")).to_have_count(0)


def test_a_forgotten_password_is_replaced_by_the_pages_of_authapi(
    site: str, folder: Path, new_page: Callable[[], Page]
) -> None:
    page, email, new = new_page(), "grace@example.com", "a staple that is new"
    page.goto(f"{site}/login")
    fill(page, "register", email=email)
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send the mail").click()
    page.get_by_label("Code from the mail").fill(
        arriving(folder / "mail", email, "new password").code
    )
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Save the password").click()
    expect(page.get_by_role("main")).to_contain_text("Your password is changed")
    page.goto(f"{site}/login")
    fill(page, password=new, email=email)
    expect(page).to_have_url(f"{site}/dashboard")


def test_another_sites_form_sends_no_mail(
    site: str, folder: Path, new_page: Callable[[], Page], elsewhere: int
) -> None:
    page, inbox, email = new_page(), folder / "mail", "alan@example.com"
    page.goto(f"{site}/login")
    fill(page, "register", email=email)
    expect(page).to_have_url(f"{site}/dashboard")
    arriving(inbox, email, "Verify")
    page.goto(f"http://localhost:{elsewhere}/")
    planted = '<input name="csrf_token" value="planted">'
    page.set_content(f'<form method="post" action="{site}/mail-again">{planted}<button>x</button>')
    page.click("button")
    page.wait_for_url(f"{site}/**")
    expect(page.locator("body")).to_contain_text("csrf_failed")
    page.goto(f"{site}/login")
    fill(page, "register", email="later@example.com")
    arriving(inbox, "later@example.com", "Verify")  # mails are sent in turn
    assert len(mails_in(inbox, email)) == 1


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
