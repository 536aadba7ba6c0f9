"""Somebody who uses the SPA, in the words of the tests."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.support.server import ANSWER_TIMEOUT

PASSWORD = "correct horse battery staple"

# What a page has been told, whether or not it showed it for long.
WATCH = """
window.seen = [];
new MutationObserver(() => {
  const login = document.querySelector("#login");
  if (login && !login.hidden) window.seen.push("login");
}).observe(document.querySelector("main"), { subtree: true, attributes: true });
"""


@dataclass
class Visitor:
    """`page` is the first tab; `requests` are those of all tabs that went to authapi."""

    device: BrowserContext
    url: str
    email: str
    page: Page = field(init=False)
    requests: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.device.on("request", self._note)
        self.device.on("weberror", lambda error: self.problems.append(str(error.error)))
        self.page = self.device.new_page()
        self.page.goto(self.url)

    @classmethod
    def registered(cls, device: BrowserContext, url: str) -> Self:
        email = f"ada-{secrets.token_hex(4)}@example.com"
        body = {"email": email, "password": PASSWORD}
        answer = httpx.post(
            f"{url}/auth/register", json=body, trust_env=False, timeout=ANSWER_TIMEOUT
        )
        assert answer.status_code == 201, answer.text
        return cls(device, url, email)

    def on(self, device: BrowserContext) -> "Visitor":
        """The same person with another device."""
        return Visitor(device, self.url, self.email)

    def log_in(self, transport: str, password: str = PASSWORD) -> None:
        self.page.fill("[name=email]", self.email)
        self.page.fill("[name=password]", password)
        self.page.check(f"[value={transport}]")
        self.page.click("button[value=login]")
        self.sees_account()

    def open_tab(self) -> Page:
        page = self.device.new_page()
        page.goto(self.url)
        return page

    def sees_account(self, page: Page | None = None) -> None:
        expect((page or self.page).locator("#email")).to_have_text(self.email)
        expect((page or self.page).locator("#account")).to_be_visible()

    def sees_login(self, page: Page | None = None) -> None:
        expect((page or self.page).locator("#login")).to_be_visible()
        expect((page or self.page).locator("#account")).to_be_hidden()

    def asked_for(self, path: str) -> list[Request]:
        """The requests to authapi's `path` so far."""
        return [request for request in self.requests if request.url.endswith(f"/auth/{path}")]

    def cookie(self, kind: str) -> str | None:
        """What the browser holds, which no script sees."""
        jar = {str(cookie["name"]): str(cookie["value"]) for cookie in self.device.cookies()}
        return jar.get(f"authapi-{kind}")

    def credentials(self, transport: str) -> str:
        """What the client's `login` takes, as JSON."""
        return json.dumps({"email": self.email, "password": PASSWORD, "transport": transport})

    def client(self, script: str, page: Page | None = None) -> Any:
        """Run an async function's body with `auth`, a client of the page's own."""
        body = (
            "(async () => { const { AuthClient, AuthError } = await import('/auth/client.js');"
            f"window.auth ??= new AuthClient({{ baseUrl: '/auth' }}); {script} }})()"
        )
        return (page or self.page).evaluate(body)

    @contextmanager
    def elsewhere(self) -> Iterator[httpx.Client]:
        """Another device of the same person, without a browser: logged in by bearer."""
        with httpx.Client(
            base_url=f"{self.url}/auth", trust_env=False, timeout=ANSWER_TIMEOUT
        ) as client:
            body = {"email": self.email, "password": PASSWORD}
            token = client.post("/login", json=body).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client

    def is_still_herself(self) -> None:
        """Nothing was changed: logged in after a reload, with the same profile."""
        self.page.reload()
        self.sees_account()
        assert self.problems == []

    def _note(self, request: Request) -> None:
        if "/auth/" in request.url:
            self.requests.append(request)
