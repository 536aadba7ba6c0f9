"""examples/spa: verify an address and forget a password, with pages of the front end's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import NewDevice
from tests.browser.processes import example
from tests.browser.visitor import PASSWORD, Visitor
from tests.support.mails import arriving, mails_in
from tests.support.until import until

NEW = "a staple that is new"
# Promise what the client tells the other tabs: a session that is held, or has ended.
HEAR = """([name, word]) => { window.heard = new Promise((told) => {
  new BroadcastChannel(name).onmessage = ({ data }) => { if (data[word]) told(); };
}); }"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spa")


@pytest.fixture(scope="module")
def inbox(folder: Path) -> Path:
    return folder / "mail"


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with example("spa/spa.py", folder, mail_dir="mail") as url:
        yield url


@pytest.fixture
def ada(site: str, new_device: NewDevice) -> Visitor:
    """Return somebody with an account, who is not logged in."""
    return Visitor.registered(new_device(), site)


def notice(page: Page, sentence: str) -> None:
    expect(page.get_by_role("status")).to_contain_text(sentence)


def choose(page: Page, password: str = NEW) -> None:
    page.get_by_label("New password").fill(password)
    page.get_by_role("button", name="Save the password").click()


def ask_for_a_mail(page: Page, email: str) -> None:
    page.get_by_role("button", name="Forgot your password?").click()
    page.locator("#forgot").get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Send the mail", exact=True).click()
    notice(page, "If this address has an account, a mail is on its way.")


def test_a_sign_up_asks_for_the_code_and_sends_the_mail_again(
    site: str, inbox: Path, new_device: NewDevice, transport: str
) -> None:
    eve = Visitor(new_device(), site, f"eve-{transport}@example.com")
    eve.page.fill("[name=email]", eve.email)
    eve.page.fill("[name=password]", PASSWORD)
    eve.page.check(f"[value={transport}]")
    eve.page.click("button[value=register]")
    form = eve.page.get_by_role("form", name="Verify your e-mail address")
    expect(form).to_contain_text("We have sent you a mail.")
    first = arriving(inbox, eve.email, "Verify")
    form.get_by_role("button", name="Send the mail again").click()
    notice(eve.page, "A new mail is on its way.")
    until(lambda: len(mails_in(inbox, eve.email)) == 2, seconds=60, every=0.05)
    (second,) = [mail for mail in mails_in(inbox, eve.email) if mail.code != first.code]
    form.get_by_label("Code from the mail").fill(first.code)
    form.get_by_role("button", name="Verify the address").click()
    expect(form.get_by_role("alert")).to_contain_text("not valid any more")
    form.get_by_label("Code from the mail").fill(second.code)
    form.get_by_role("button", name="Verify the address").click()
    expect(form).to_be_hidden()
    notice(eve.page, "Your e-mail address is verified.")
    assert eve.problems == []


def test_a_link_verifies_where_nobody_is_logged_in(
    ada: Visitor, inbox: Path, new_device: NewDevice
) -> None:
    phone = new_device().new_page()
    phone.goto(arriving(inbox, ada.email, "Verify").link)
    phone.get_by_role("button", name="Verify the address").click()
    notice(phone, "Your e-mail address is verified.")
    expect(phone.locator("#login")).to_be_visible()


def test_a_link_verifies_where_somebody_is_logged_in(
    ada: Visitor, inbox: Path, transport: str
) -> None:
    ada.log_in(transport)
    expect(ada.page.locator("#unverified")).to_be_visible()
    tab = ada.device.new_page()
    tab.goto(arriving(inbox, ada.email, "Verify").link)
    tab.get_by_role("button", name="Verify the address").click()
    ada.sees_account(tab)
    notice(tab, "Your e-mail address is verified.")
    expect(tab.locator("#unverified")).to_be_hidden()


def test_a_forgotten_password_is_replaced_by_the_link(
    ada: Visitor, inbox: Path, new_device: NewDevice
) -> None:
    ask_for_a_mail(ada.page, ada.email)
    phone = new_device().new_page()
    phone.goto(arriving(inbox, ada.email, "new password").link)
    expect(phone.locator("#reset").get_by_label("Code from the mail")).to_be_hidden()
    choose(phone, "password123")
    expect(phone.locator("#reset").get_by_role("alert")).to_contain_text("guessed first")
    choose(phone)
    notice(phone, "Log in now.")
    ada.page.reload()
    ada.log_in("cookie", NEW)


def test_a_forgotten_password_is_replaced_by_the_code(ada: Visitor, inbox: Path) -> None:
    ask_for_a_mail(ada.page, ada.email)
    form = ada.page.locator("#reset")
    expect(form.get_by_label("E-mail")).to_have_value(ada.email)
    form.get_by_label("Code from the mail").fill("BBBB-BBBB")
    choose(ada.page)
    expect(form.get_by_role("alert")).to_contain_text("not valid any more")
    form.get_by_label("Code from the mail").fill(arriving(inbox, ada.email, "new password").code)
    choose(ada.page)
    notice(ada.page, "Log in now.")
    ada.log_in("hybrid", NEW)


def test_the_answer_tells_nobody_who_has_an_account(ada: Visitor) -> None:
    ask_for_a_mail(ada.page, f"nobody-{ada.email}")
    expect(ada.page.locator("#reset")).to_be_visible()


def test_an_old_link_leads_to_a_new_mail(ada: Visitor) -> None:
    ada.page.goto(f"{ada.url}/reset?token=old")
    choose(ada.page)
    expect(ada.page.locator("#reset").get_by_role("alert")).to_contain_text("not valid any more")
    ada.page.get_by_role("button", name="Ask for a new mail").click()
    expect(ada.page.locator("#forgot").get_by_label("E-mail")).to_be_focused()
    ada.page.goto(f"{ada.url}/verify?token=old")
    ada.page.get_by_role("button", name="Verify the address").click()
    expect(ada.page.locator("#verify").get_by_role("alert")).to_contain_text("not valid any more")
    ada.page.get_by_role("link", name="Back to the start").click()
    ada.sees_login()


def test_opening_a_link_changes_nothing_and_its_token_goes_nowhere(
    ada: Visitor, inbox: Path, new_device: NewDevice
) -> None:
    mail = arriving(inbox, ada.email, "Verify")
    scanner = Visitor(new_device(), ada.url, ada.email)
    asked: list[Request] = []
    scanner.device.on("request", lambda request: asked.append(request))
    for _ in range(2):
        scanner.page.goto(mail.link)
        expect(scanner.page.get_by_role("button", name="Verify the address")).to_be_visible()
        assert mail.token not in scanner.page.url
    assert [request.url for request in asked if mail.token in request.url] == [mail.link] * 2
    assert all(request.url.startswith(f"{ada.url}/") for request in asked)
    assert not [request for request in asked if request.all_headers().get("referer")]
    scanner.page.get_by_role("button", name="Verify the address").click()
    notice(scanner.page, "Your e-mail address is verified.")


def test_a_link_stays_open_while_the_other_tab_logs_in_and_out(ada: Visitor, inbox: Path) -> None:
    ask_for_a_mail(ada.page, ada.email)
    ada.page.reload()
    tab = ada.device.new_page()
    tab.goto(arriving(inbox, ada.email, "new password").link)
    tab.get_by_label("New password").type("half of")
    asked: list[Request] = []
    tab.on("request", lambda request: asked.append(request))
    for word, act in (("held", ada.log_in), ("ended", lambda _: ada.page.click("#logout"))):
        tab.evaluate(HEAR, [f"authapi {ada.url}/auth", word])
        act("hybrid")
        tab.evaluate("window.heard.then(() => null)")
    assert asked == []
    expect(tab.get_by_label("New password")).to_have_value("half of")
    choose(tab)
    notice(tab, "Log in now.")


def test_no_view_is_wider_than_a_telephone(ada: Visitor) -> None:
    ada.page.set_viewport_size({"width": 320, "height": 640})
    width = "document.documentElement.scrollWidth"
    assert ada.page.evaluate(width) == 320
    ask_for_a_mail(ada.page, ada.email)
    assert ada.page.evaluate(width) == 320
    ada.page.reload()
    ada.log_in("cookie")
    expect(ada.page.locator("#unverified")).to_be_visible()
    assert ada.page.evaluate(width) == 320


def test_everything_can_be_done_with_the_keyboard(ada: Visitor, inbox: Path) -> None:
    keyboard = ada.page.keyboard
    expect(ada.page.locator("#login").get_by_label("E-mail")).to_be_focused()
    ada.page.get_by_role("button", name="Forgot your password?").focus()
    keyboard.press("Enter")
    expect(ada.page.locator("#forgot").get_by_label("E-mail")).to_be_focused()
    keyboard.type(ada.email)
    keyboard.press("Enter")
    expect(ada.page.locator("#reset").get_by_label("E-mail")).to_be_focused()
    keyboard.press("Tab")
    keyboard.type(arriving(inbox, ada.email, "new password").code)
    keyboard.press("Tab")
    keyboard.type(NEW)
    keyboard.press("Enter")
    notice(ada.page, "Log in now.")
    expect(ada.page.locator("#login").get_by_label("E-mail")).to_be_focused()
