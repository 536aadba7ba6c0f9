"""examples/spa with second factors: enrol, log in, step up, remove. In Chromium."""

import json
import re
from base64 import b64encode
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewDevice
from tests.browser.second_factors import AuthenticatorApp, Telephone
from tests.browser.visitor import PASSWORD, Visitor
from tests.project.tree import ROOT

PROBLEM, TITLES = "#proof .problem", "#factors strong"
VENDOR = ROOT / "examples" / "spa" / "static" / "vendor"
MODULES = ROOT / "tests" / "foreign_clients" / "node_modules"
needs_modules = pytest.mark.skipif(
    not (MODULES / "jsqr").is_dir(), reason="needs npm ci in tests/foreign_clients"
)
# The camera of a telephone: what npm's jsQR finds in a picture.
CAMERA = """async (png) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  return jsQR(canvas.getImageData(0, 0, width, height).data, width, height)?.data;
}"""


def begin_app(visitor: Visitor) -> AuthenticatorApp:
    page = visitor.page
    page.fill("#add-factor [name=name]", "Telephone")
    page.click("button[value=totp]")
    expect(page.locator("#totp-link")).to_have_attribute("href", re.compile("^otpauth://totp/"))
    return AuthenticatorApp(page.inner_text("#totp-secret"))


def enrol_app(visitor: Visitor) -> tuple[AuthenticatorApp, list[str]]:
    """Add an authenticator app, the first second factor. Return it, and the recovery codes."""
    app, page = begin_app(visitor), visitor.page
    page.fill("#confirm-totp [name=code]", app.code())
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#codes li")).to_have_count(10)
    codes = page.locator("#codes li").all_inner_texts()
    page.click("#codes-kept")
    return app, codes


def send_password(visitor: Visitor) -> None:
    visitor.page.fill("#login [name=email]", visitor.email)
    visitor.page.fill("#login [name=password]", PASSWORD)
    visitor.page.click("button[value=login]")


def log_out(visitor: Visitor) -> None:
    visitor.page.click("#logout")
    visitor.sees_login()


def prove(visitor: Visitor, proof: str = "", *, by: str = "") -> None:
    """Answer the dialog, by another way than the first one if its name is given."""
    expect(visitor.page.locator("#proof")).to_be_visible()
    if by:
        visitor.page.get_by_role("button", name=f"Use instead: {by}").click()
    if proof:
        visitor.page.fill("[name=proof]", proof)
    visitor.page.click("#proof-send")


def factor(visitor: Visitor, title: str) -> Locator:
    return visitor.page.locator("#factors li", has_text=title)


def remove(visitor: Visitor, title: str) -> None:
    visitor.page.once("dialog", lambda dialog: dialog.accept())
    factor(visitor, title).get_by_role("button", name="Remove").click()


def test_an_authenticator_app_is_asked_for_at_the_next_log_in(ada: Visitor) -> None:
    app, _ = enrol_app(ada)
    expect(ada.page.locator(TITLES)).to_have_text(["Telephone", "Recovery codes"])
    log_out(ada)
    send_password(ada)
    prove(ada, "000 000")
    expect(ada.page.locator(PROBLEM)).to_contain_text("wrong")
    prove(ada, app.code())
    ada.sees_account()
    ada.is_still_herself()


def scanned(page: Page, picture: bytes) -> str | None:
    """Return what a camera reads in the picture."""
    page.add_script_tag(path=MODULES / "jsqr" / "dist" / "jsQR.js")
    read: str | None = page.evaluate(CAMERA, b64encode(picture).decode())
    return read


@needs_modules
def test_an_app_that_scans_the_qr_code_logs_in(ada: Visitor, new_device: NewDevice) -> None:
    ada.page.emulate_media(color_scheme="dark")
    ada.page.set_viewport_size({"width": 360, "height": 740})
    begin_app(ada)
    drawn = ada.page.get_by_role("img", name="QR code of the secret below")
    uri = scanned(new_device().new_page(), drawn.screenshot())
    assert uri == ada.page.get_attribute("#totp-link", "href")
    assert ada.page.evaluate("document.documentElement.scrollWidth") <= 360
    app = AuthenticatorApp(parse_qs(urlsplit(str(uri)).query)["secret"][0])
    ada.page.fill("#confirm-totp [name=code]", app.code())
    ada.page.get_by_role("button", name="Confirm").click()
    expect(ada.page.locator("#codes li")).to_have_count(10)
    log_out(ada)
    send_password(ada)
    prove(ada, app.code())
    ada.sees_account()
    ada.is_still_herself()


@needs_modules
def test_the_encoder_of_qr_codes_is_npms() -> None:
    """Nobody has changed the file, and its folder names the version."""
    (folder,) = VENDOR.iterdir()
    package = json.loads((MODULES / "uqr" / "package.json").read_text(encoding="utf-8"))
    assert folder.name == f"uqr-{package['version']}"
    for copy, original in {"index.js": "dist/index.mjs", "LICENSE": "LICENSE"}.items():
        assert (folder / copy).read_bytes() == (MODULES / "uqr" / original).read_bytes()


def test_a_recovery_code_logs_in_once(ada: Visitor) -> None:
    _, codes = enrol_app(ada)
    log_out(ada)
    send_password(ada)
    prove(ada, codes[7], by="recovery code")
    ada.sees_account()
    expect(factor(ada, "Recovery codes")).to_contain_text("9 left")
    log_out(ada)
    send_password(ada)
    prove(ada, codes[7], by="recovery code")
    expect(ada.page.locator(PROBLEM)).to_contain_text("was used")


def test_a_log_in_may_be_given_up_between_its_steps(ada: Visitor) -> None:
    enrol_app(ada)
    log_out(ada)
    send_password(ada)
    ada.page.get_by_role("button", name="Cancel").click()
    expect(ada.page.locator("#login .problem")).to_contain_text("You are not logged in")
    expect(ada.page.locator("#login [name=email]")).to_have_value(ada.email)
    ada.sees_login()


def test_nothing_that_was_typed_is_lost_while_the_page_asks_who_is_there(ada: Visitor) -> None:
    app, _ = enrol_app(ada)
    ada.page.fill("#add-factor [name=name]", "Half a na")
    started = ada.page.evaluate("performance.timeOrigin")
    factor(ada, "Telephone").get_by_role("button", name="Rename").click()
    ada.page.fill("#factors [name=name]", "Old telephone")
    ada.page.get_by_role("button", name="Save").click()
    prove(ada, app.code(), by="code")
    expect(ada.page.locator(TITLES).first).to_have_text("Old telephone")
    expect(ada.page.locator("#add-factor [name=name]")).to_have_value("Half a na")
    expect(ada.page.locator("#factors-notice")).to_have_text("The name is changed.")
    assert ada.page.evaluate("performance.timeOrigin") == started
    ada.is_still_herself()


def test_a_page_that_asks_can_be_refused(ada: Visitor) -> None:
    enrol_app(ada)
    factor(ada, "Telephone").get_by_role("button", name="Rename").click()
    ada.page.fill("#factors [name=name]", "Old telephone")
    ada.page.get_by_role("button", name="Save").click()
    expect(ada.page.locator("#proof")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(ada.page.locator("#factors .problem").first).to_contain_text("Nothing was changed")
    expect(ada.page.locator("#factors [name=name]").first).to_have_value("Old telephone")
    expect(ada.page.locator(TITLES).first).to_have_text("Telephone")


def test_the_last_factor_is_removed_by_itself_alone(ada: Visitor) -> None:
    """The password is right, and is not enough. The recovery codes go with the factor."""
    app, _ = enrol_app(ada)
    remove(ada, "Telephone")
    prove(ada, "not the password")
    expect(ada.page.locator(PROBLEM)).not_to_be_empty()
    prove(ada, PASSWORD)
    expect(ada.page.locator("#proof-label")).to_have_text("Code from your authenticator app")
    prove(ada, app.code())
    expect(ada.page.locator("#no-factors")).to_be_visible()
    expect(ada.page.locator("#factors li")).to_have_count(0)
    log_out(ada)
    send_password(ada)
    ada.sees_account()


def test_a_passkey_logs_in_without_a_name(ada: Visitor, transport: str) -> None:
    telephone = Telephone(ada.page)
    ada.page.fill("#add-factor [name=name]", "This telephone")
    ada.page.click("button[value=passkey]")
    expect(ada.page.locator(TITLES)).to_have_text(["This telephone"])
    assert telephone.passkeys() == 1
    telephone.touch(is_touched=False)
    with ada.page.expect_response("**/login/passkey/options"):  # of the offer in the form
        log_out(ada)
    ada.page.check(f"[value={transport}]")
    telephone.touch_before_the_next_request()
    ada.page.click("#by-passkey")
    ada.sees_account()
    expect(ada.page.locator("#transport")).to_have_text(transport)
    ada.is_still_herself()


def test_a_passkey_is_offered_where_the_address_is_typed(ada: Visitor) -> None:
    """The finger is on it: whatever the page offers is taken at once."""
    Telephone(ada.page)
    ada.page.click("button[value=passkey]")
    expect(ada.page.locator(TITLES)).to_have_text(["Passkey"])
    with ada.page.expect_response("**/login/passkey"):
        ada.page.click("#logout")
    ada.sees_account()
    assert len(ada.asked_for("login/passkey")) == 1


def test_a_passkey_is_a_second_factor_too(ada: Visitor) -> None:
    telephone = Telephone(ada.page)
    ada.page.click("button[value=passkey]")
    expect(ada.page.locator(TITLES)).to_have_text(["Passkey"])
    telephone.touch(is_touched=False)
    log_out(ada)
    send_password(ada)
    expect(ada.page.locator("#proof-send")).to_have_text("Use a passkey")
    telephone.touch()
    prove(ada)
    ada.sees_account()
    # It was just used: no other question.
    remove(ada, "Passkey")
    expect(ada.page.locator("#no-factors")).to_be_visible()


def test_no_secret_of_one_person_is_shown_to_the_next(ada: Visitor) -> None:
    app = begin_app(ada)
    log_out(ada)
    expect(ada.page.locator("#totp-qr path")).not_to_have_attribute("d", re.compile("."))
    assert app.secret not in ada.page.content()
    assert "otpauth:" not in ada.page.content()
