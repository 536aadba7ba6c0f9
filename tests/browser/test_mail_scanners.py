"""Mail scanners open links before their reader does, with scripts on, and follow what is there.

Nothing of it uses a link up, and no other host learns a token.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from tests.browser.conftest import NewDevice
from tests.browser.processes import authapi
from tests.browser.visitor import PASSWORD
from tests.support.mails import ReadMail, arriving
from tests.support.server import ANSWER_TIMEOUT, Program, free_port

KINDS = ["verify", "reset", "change", "undo", "factor"]


@dataclass(frozen=True)
class Post:
    """An authapi whose mails are files in `folder`, and what it answers."""

    server: Program
    folder: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.port}"

    def send(self, path: str, status: int, bearer: str = "", **body: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        answer = httpx.post(
            f"{self.url}{path}", json=body, headers=headers, trust_env=False, timeout=ANSWER_TIMEOUT
        )
        assert answer.status_code == status, answer.text
        return answer

    def mail_to(self, kind: str) -> ReadMail:
        """Return a mail with a link of that kind, to somebody new."""
        old, new = (f"{secrets.token_hex(4)}@{name}.example" for name in ("old", "new"))
        self.send("/register", 201, email=old, password=PASSWORD)
        if kind == "verify":
            return arriving(self.folder, old, "Verify")
        if kind == "factor":
            return self.mail_about_app(old)
        if kind == "reset":
            self.send("/password/forgot", 202, email=old)
            return arriving(self.folder, old, "new password")
        bearer = self.send("/login", 200, email=old, password=PASSWORD).json()["access_token"]
        self.send("/me/email", 202, bearer, email=new, password=PASSWORD)
        change = arriving(self.folder, new, "new e-mail address")
        if kind == "change":
            return change
        self.send("/email/verify", 204, token=change.token)
        return arriving(self.folder, old, "was changed")

    def mail_about_app(self, to: str) -> ReadMail:
        """Verify the address, add an authenticator app, and return the mail about it."""
        self.send("/email/verify", 204, token=arriving(self.folder, to, "Verify").token)
        bearer = self.send("/login", 200, email=to, password=PASSWORD).json()["access_token"]
        app = self.send("/me/totp", 201, bearer).json()
        code = pyotp.TOTP(app["secret"]).now()
        self.send("/me/totp/confirm", 200, bearer, id=app["id"], code=code)
        return arriving(self.folder, to, "new way to log in")


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    folder, port = tmp_path_factory.mktemp("post"), free_port()
    with authapi(folder, port, public_url=f"http://localhost:{port}", mail_dir="mail") as server:
        yield Post(server, folder / "mail")


@pytest.fixture(params=KINDS)
def mail(request: pytest.FixtureRequest, post: Post) -> ReadMail:
    return post.mail_to(request.param)


def press(page: Page) -> None:
    """Fill in what the page asks for, and press its button: it works."""
    if page.get_by_label("New password").count():
        page.get_by_label("New password").fill("a staple that is new")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Done")


class Scanner:
    """A browser that opens a link, waits, and follows all that the page leads to."""

    def __init__(self, device: BrowserContext) -> None:
        self.device = device
        self.requests: list[Request] = []
        device.on("request", lambda request: self.requests.append(request))

    def scan(self, link: str) -> Page:
        """Return the page of the link once more, after all of that."""
        for method in ("HEAD", "GET", "HEAD"):
            assert self.device.request.fetch(link, method=method).status == 200
        page = self.device.new_page()
        page.clock.install()
        page.goto(link)
        page.clock.fast_forward("02:00:00")
        for found in page.locator("[href], [src]").all():
            address = found.get_attribute("href") or found.get_attribute("src")
            assert address
            assert self.device.request.get(page.evaluate("(a) => new URL(a, location)+''", address))
        for name in page.get_by_role("link").all_inner_texts():
            page.get_by_role("link", name=name).click()
            expect(page).not_to_have_url(link)
            page.go_back()
            expect(page).to_have_url(link)
        page.reload()
        return page


def test_a_scanner_uses_no_link_up(post: Post, mail: ReadMail, new_device: NewDevice) -> None:
    for _ in range(2):
        Scanner(new_device()).scan(mail.link)
    reader = new_device().new_page()
    reader.goto(mail.link)
    press(reader)
    reader.goto(mail.link)
    if reader.get_by_label("New password").count():
        reader.get_by_label("New password").fill("a staple that is new")
    reader.get_by_role("button").click()
    expect(reader.get_by_role("alert")).to_contain_text("not valid any more")


def test_no_other_host_and_no_log_learns_the_token(
    post: Post, mail: ReadMail, new_device: NewDevice
) -> None:
    scanner = Scanner(new_device())
    press(scanner.scan(mail.link))
    assert len(scanner.requests) > 4
    for request in scanner.requests:
        assert request.url.startswith(f"{post.url}/")
        assert mail.token not in request.url.replace(mail.link, "")
        assert not request.all_headers().get("referer")
    assert mail.token not in post.server.log


def test_a_links_page_is_kept_nowhere_and_runs_nothing(
    mail: ReadMail, new_device: NewDevice
) -> None:
    page = new_device().new_page()
    answer = page.goto(mail.link)
    assert answer
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert page.locator("script, style, [style], meta[http-equiv=refresh]").count() == 0
    for tag, text in (("script", "window.ran = true"), ("style", "h1 { font-size: 99px }")):
        add = "([tag, textContent]) => document.head.append("
        add += "Object.assign(document.createElement(tag), { textContent }))"
        page.evaluate(add, [tag, text])
    assert page.evaluate("window.ran") is None
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") != "99px"


def test_the_mail_itself_loads_nothing(mail: ReadMail, new_device: NewDevice) -> None:
    page, asked = new_device().new_page(), list[str]()

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.goto("about:blank")
    page.route(re.compile("."), note)
    page.set_content(mail.html)
    expect(page.get_by_role("link")).to_have_attribute("href", mail.link)
    assert page.locator("[src], link, script").count() == 0
    assert asked == []
