"""The JavaScript of the pages runs in Chromium as it stands, on the origin of authapi.

clients/js/README.md, docs/browsers.md, docs/factors.md and docs/mails.md. A page that holds the
block stands in for the reader's; it has the names that the block leaves to the reader.
"""

import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, Route, expect

from tests.browser.processes import example
from tests.browser.second_factors import AuthenticatorApp, Telephone
from tests.browser.visitor import PASSWORD
from tests.support.mails import arriving
from tests.support.snippets import shown

NEW_PASSWORD = "a staple that is new"
IMPORTS = '{"imports": {"authapi-client": "/auth/client.js"}}'
NAMES = """
window.calls = [];
window.showAccount = () => calls.push("account");
window.showLogin = () => calls.push("login");
addEventListener("unhandledrejection", ({ reason }) => { window.failed = String(reason); });
"""


@pytest.fixture
def page(spa: str, new_device: Callable[[], BrowserContext]) -> Page:
    return new_device().new_page()


@pytest.fixture
def email() -> str:
    return f"ada-{secrets.token_hex(4)}@example.com"


def post(url: str, **body: str) -> httpx.Response:
    return httpx.post(url, json=body, trust_env=False, timeout=60).raise_for_status()


def visit(page: Page, url: str, module: str, body: str = "", **names: Any) -> None:
    """Open an address whose page runs the module, and wait until it is at its end."""
    given = "".join(f"window.{name} = {json.dumps(value)};" for name, value in names.items())
    html = (
        f'<!doctype html><script type="importmap">{IMPORTS}</script>{body}'
        f"<script>{NAMES}{given}</script>"
        f'<script type="module">{module}\nwindow.values = () => eval("[auth.session, auth.user]");'
        "\nwindow.done = true;</script>"
    )

    def fulfil(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html")

    page.route(url, fulfil)
    page.goto(url)
    page.wait_for_function("window.done || window.failed")
    assert page.evaluate("window.failed") is None


def test_the_clients_readme(page: Page, spa: str, email: str) -> None:
    """Its first block, from the first visit to the log-out."""
    block = shown("clients/js/README.md", "js")[0]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(spa)))
    page.route(f"{spa}/api/reports", lambda route: route.fulfill(json=[]))
    names = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    visit(page, f"{spa}/a-page", block, email=email, password=PASSWORD, **names)
    assert page.evaluate("calls")[:2] == ["login", "account"]
    assert page.evaluate("calls").pop() == "login"
    assert page.evaluate("values()")[0] is None
    for path in ("/auth/register", "/auth/login", "/auth/me", "/api/reports", "/auth/logout"):
        assert path in asked
    post(f"{spa}/auth/login", email=email, password=NEW_PASSWORD)


def test_the_page_for_browsers(page: Page, spa: str, email: str) -> None:
    """A first visit, and a mail for a forgotten password."""
    client, forgotten = shown("docs/browsers.md", "js")
    post(f"{spa}/auth/register", email=email, password=PASSWORD)
    answers: list[int] = []
    page.on("response", lambda got: answers.append(got.status) if "forgot" in got.url else None)
    with_errors = client.replace("{ AuthClient }", "{ AuthClient, AuthError }")
    visit(page, f"{spa}/a-page", with_errors + forgotten, email=email)
    assert page.evaluate("calls") == ["login"]
    assert answers == [202]


def test_the_clients_readme_on_factors(page: Page, spa: str, email: str) -> None:
    """Enrol; a change asks for the password and a code; enrol again, and log in by both."""
    (factors,) = shown("clients/js/README.md", "js", "Second factors and passkeys")
    (step_up,) = shown("clients/js/README.md", "js", "Step-up")
    post(f"{spa}/auth/register", email=email, password=PASSWORD)
    apps: list[AuthenticatorApp] = []
    page.expose_function("showTotp", lambda secret, _: apps.append(AuthenticatorApp(secret)))
    page.expose_function("ask", lambda what: PASSWORD if what == "password" else apps[-1].code())
    client = 'const auth = new AuthClient({ baseUrl: "/auth" });'
    imports = 'import { AuthClient, AuthError } from "authapi-client";'
    run = (
        "await auth.login({ email, password }); window.codes = await enrol();"
        "const [{ id }] = await auth.factors();"
        "window.renamed = await auth.renameFactor(id, 'Old telephone');"
        "await auth.removeFactor(id); await enrol();"
        "await auth.logout(); await logIn(email, password);"
    )
    blocks = "".join(re.sub(r"^import .*\n", "", block, flags=re.M) for block in (factors, step_up))
    visit(page, f"{spa}/a-page", imports + client + blocks + run, email=email, password=PASSWORD)
    assert len(page.evaluate("codes")) == 10
    assert page.evaluate("renamed.name") == "Old telephone"
    assert page.evaluate("values()")[0]["transport"] == "hybrid"


def test_the_page_for_factors(page: Page, spa: str, email: str) -> None:
    """Enrol by the button, remove it after a step-up; log in by another; be offered a passkey."""
    enrol, log_in, step_up = shown("docs/factors.md", "js", "In the browser")
    (offer,) = shown("docs/factors.md", "js", "Passkeys")
    post(f"{spa}/auth/register", email=email, password=PASSWORD)
    Telephone(page)
    apps: list[AuthenticatorApp] = []
    shown_codes: list[str] = []

    def answer(dialog: Dialog) -> None:
        if found := re.search(r"Type (\w+) into", dialog.message):
            apps.append(AuthenticatorApp(found[1]))
        if dialog.type == "alert":
            shown_codes.append(dialog.message)
            dialog.accept()
        else:
            dialog.accept(PASSWORD if "password" in dialog.message else apps[-1].code())

    page.on("dialog", answer)
    # The page's own offer of a passkey is taken at once: the finger is on it.
    run = (
        "await auth.login({ email, password });"
        "const { onclick } = document.querySelector('#enrol');"
        "await onclick(); const [{ id }] = await auth.factors(); await auth.removeFactor(id);"
        "window.left = await auth.factors();"
        "await onclick(); await auth.logout(); await logIn(email, password);"
        "await auth.addPasskey('This telephone'); await auth.logout();"
        "const started = new Promise((resolve) => auth.addEventListener('started', resolve));"
        f"{offer} await started;"
    )
    names = {"email": email, "password": PASSWORD}
    button = "<button id=enrol>Enrol</button>"
    visit(page, f"{spa}/a-page", enrol + log_in + step_up + run, button, **names)
    assert [len(text.split(", ")) for text in shown_codes] == [10, 10]
    assert page.evaluate("left") == []
    assert page.evaluate("values()")[0]["transport"] == "hybrid"


def test_a_page_for_new_passwords(page: Page, tmp_path: Path, email: str) -> None:
    """It says what is wrong with a password, and then a good one is the account's."""
    (block,) = shown("docs/mails.md", "js")
    form = '<form id="form"><input name="new_password"><button>Save</button></form>'
    form += '<p id="problem"></p>'
    with example("spa/spa.py", tmp_path, mail_dir="mail") as site:
        post(f"{site}/auth/register", email=email, password=PASSWORD)
        post(f"{site}/auth/password/forgot", email=email)
        token = arriving(tmp_path / "mail", email, "new password").token
        visit(page, f"{site}/a-page?token={token}", block, form)
        assert page.url == f"{site}/"
        page.fill("[name=new_password]", "short")
        page.click("button")
        expect(page.locator("#problem")).to_contain_text("8 characters")
        page.fill("[name=new_password]", NEW_PASSWORD)
        page.click("button")
        expect(page.locator("#problem")).to_be_empty()
        post(f"{site}/auth/login", email=email, password=NEW_PASSWORD)
