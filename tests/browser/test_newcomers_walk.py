"""A newcomer types `make run`, and gets through all mails with a browser alone.

The routes are called by the buttons of /docs. Links are opened, and their buttons pressed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.docs_page import DocsPage
from tests.browser.made import answer_of, end, made
from tests.support.mails import ReadMail, arriving
from tests.support.server import free_port

OLD, NEW = "newcomer@example.com", "newcomer@new.example"
FIRST, SECOND = "correct horse battery staple", "a staple that is new"


@pytest.fixture
def url(clone: Path) -> Iterator[str]:
    """Yield where `make run` serves, by another port: 8000 may be somebody else's here."""
    port = free_port()
    url = f"http://localhost:{port}"
    with made("run", clone, PORT=port, AUTHAPI_PUBLIC_URL=url) as process:
        answer_of(process, f"{url}/readyz", 200)
        yield url
        end(process)


@pytest.fixture
def laptop(browser: Browser) -> Iterator[Page]:
    with browser.new_context(locale="en-GB") as context:
        context.set_default_timeout(PATIENCE)
        yield context.new_page()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """Yield a page of another device, whose owner reads German and allows no script."""
    size = {"width": 360, "height": 740}
    with browser.new_context(locale="de-AT", viewport=size, java_script_enabled=False) as context:
        context.set_default_timeout(PATIENCE)
        yield context.new_page()


def press(page: Page, mail: ReadMail, said: str) -> None:
    """Open the link of the mail and press its one button."""
    page.goto(mail.link)
    page.get_by_role("button").click()
    expect(page.get_by_role("main")).to_contain_text(said)


def test_a_newcomer_gets_through_all_mails(
    url: str, clone: Path, laptop: Page, phone: Page
) -> None:
    docs, inbox = DocsPage(laptop), clone / "mail"

    # Registers, and verifies the address by the link.
    docs.open(url)
    status, profile = docs.call("register_account", email=OLD, password=FIRST)
    assert (status, profile["email_verified"]) == (201, False)
    press(phone, arriving(inbox, OLD, "Verify"), "Deine E-Mail-Adresse ist bestätigt.")

    # Forgets the password, and resets it by the code on another device.
    laptop.goto(f"{url}/password/forgot")
    laptop.get_by_label("E-mail address").fill(OLD)
    laptop.get_by_role("button", name="Send the mail").click()
    expect(laptop.get_by_role("main")).to_contain_text("a mail is on its way")
    phone.goto(f"{url}/password/forgot")
    phone.get_by_role("link", name="Ich habe schon einen Code").click()
    phone.get_by_label("E-Mail-Adresse").fill(OLD)
    phone.get_by_label("Code aus der Mail").fill(arriving(inbox, OLD, "new password").code)
    phone.get_by_label("Neues Passwort").fill(SECOND)
    phone.get_by_role("button", name="Passwort speichern").click()
    expect(phone.get_by_role("main")).to_contain_text("Dein Passwort ist geändert")

    # Changes the address.
    docs.open(url)
    assert docs.call("login", email=OLD, password=FIRST)[0] == 401
    docs.authorize(docs.call("login", email=OLD, password=SECOND)[1]["access_token"])
    assert docs.call("change_own_email", password=SECOND, email=NEW) == (202, None)
    press(phone, arriving(inbox, NEW, "new e-mail address"), "bestätigt")
    status, profile = docs.call("read_profile")
    assert (status, profile["email"], profile["email_verified"]) == (200, NEW, True)

    # Undoes it by the link that the old mailbox got, in the language of the telephone that pressed
    # the button: everybody is logged out.
    press(phone, arriving(inbox, OLD, "Deine E-Mail-Adresse"), "ist rückgängig gemacht")
    assert docs.call("read_profile")[0] == 401

    # Reads what happened.
    docs.authorize(docs.call("login", email=OLD, password=SECOND)[1]["access_token"])
    assert docs.call("read_profile")[1]["email"] == OLD
    status, history = docs.call("read_events")
    assert status == 200
    assert [event["type"] for event in reversed(history["events"])] == [
        "user_registered",
        "email_verified",
        "password_reset",
        "login_succeeded",
        "email_changed",
        "email_change_undone",
        "login_succeeded",
    ]
