"""docs/react.md as it stands there: React in StrictMode, behind Vite's proxy, in Chromium."""

import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

from tests.browser import react_page
from tests.browser.processes import authapi, running
from tests.browser.visitor import PASSWORD
from tests.project.tree import ROOT
from tests.support.server import ANSWER_TIMEOUT, free_port

MODULES = ROOT / "tests" / "foreign_clients" / "node_modules"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None or not (MODULES / "vite").is_dir(),
    reason="needs Node 20 and npm ci in tests/foreign_clients",
)
INDEX = '<!doctype html><link rel="icon" href="data:,"><div id="root"></div>'
INDEX += '<script type="module" src="/main.jsx"></script>'
# The page's other parts, each where ?show= says so.
MORE = """
import { createRoot } from "react-dom/client";
import { App } from "./App.jsx";
import { AuthProvider } from "./AuthProvider.jsx";
import { Devices } from "./Devices.jsx";
import { App as SignUp } from "./SignUp.jsx";

const part = location.search === "?signup" ? <SignUp /> : <><App /><Devices /></>;
createRoot(document.getElementById("root")).render(<AuthProvider>{part}</AuthProvider>);
"""
RENDER = """
import { createServer } from "vite";
import { createElement } from "react";
import { renderToString } from "react-dom/server";

const server = await createServer({ server: { middlewareMode: true }, appType: "custom" });
const { App } = await server.ssrLoadModule("/App.jsx");
const { AuthProvider } = await server.ssrLoadModule("/AuthProvider.jsx");
console.log(`<${renderToString(createElement(AuthProvider, null, createElement(App)))}>`);
await server.close();
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of somebody who has copied the page's files."""
    folder = tmp_path_factory.mktemp("react")
    modules = folder / "node_modules"
    modules.mkdir()
    for package in ("react", "react-dom", "vite"):
        (modules / package).symlink_to(MODULES / package)
    shutil.copytree(ROOT / "clients" / "js", modules / "authapi-client")
    shown = react_page.files()
    assert set(shown) >= {"auth.js", "AuthProvider.jsx", "main.jsx", "App.jsx", "Devices.jsx"}
    signs_up = shown["App.jsx"].replace("auth.login(typed)", "signUp(typed)")
    signs_up += react_page.block("async function signUp")
    made = {"index.html": INDEX, "render.js": RENDER, "package.json": '{"type": "module"}'}
    made |= {"SignUp.jsx": signs_up, "more.jsx": MORE, "more.html": INDEX.replace("main", "more")}
    for name, text in (shown | made).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of Vite's development server."""
    port, behind = free_port(), free_port()
    url = f"http://localhost:{port}"
    config = project / "vite.config.js"
    config.write_text(config.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{behind}"))
    vite = ("node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", str(port))
    folder = tmp_path_factory.mktemp("authapi")
    with (
        authapi(folder, behind, public_url=f"{url}/auth"),
        running([str(NODE), *vite, "--strictPort"], project, port),
    ):
        yield url


@pytest.fixture
def device(new_device: Callable[[], BrowserContext]) -> BrowserContext:
    return new_device()


@pytest.fixture
def problems(device: BrowserContext) -> list[str]:
    """Return what the console says in red or yellow, as the list grows."""
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            problems.append(message.text)

    device.on("console", note)
    device.on("weberror", lambda error: problems.append(str(error.error)))
    return problems


@pytest.fixture
def page(site: str, device: BrowserContext, problems: list[str]) -> Page:
    page = device.new_page()
    page.goto(site)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    return page


def log_in(page: Page, site: str) -> str:
    email = f"ada-{secrets.token_hex(4)}@example.com"
    body = {"email": email, "password": PASSWORD}
    httpx.post(f"{site}/auth/register", json=body, trust_env=False).raise_for_status()
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("button")
    expect(page.get_by_text(email)).to_be_visible()
    return email


@contextmanager
def other_device(site: str, email: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{site}/auth", trust_env=False, timeout=ANSWER_TIMEOUT) as client:
        answer = client.post("/login", json={"email": email, "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def test_a_first_visit_asks_nothing_and_shows_no_error(
    page: Page, device: BrowserContext, problems: list[str]
) -> None:
    asked: list[Request] = []
    device.on("request", lambda request: asked.append(request))
    page.reload()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert [request.url for request in asked if "/auth/" in request.url] == []
    assert problems == []


def test_a_session_survives_a_reload_by_one_refresh(
    page: Page, site: str, device: BrowserContext, problems: list[str]
) -> None:
    email = log_in(page, site)
    asked: list[str] = []
    device.on("request", lambda request: asked.append(request.url.removeprefix(site)))
    page.reload()
    expect(page.get_by_text(email)).to_be_visible()
    assert asked.count("/auth/refresh") == 1
    assert problems == []


def test_a_log_out_shows_in_the_other_tab(
    page: Page, site: str, device: BrowserContext, problems: list[str]
) -> None:
    email = log_in(page, site)
    other = device.new_page()
    other.goto(site)
    expect(other.get_by_text(email)).to_be_visible()
    other.get_by_role("button", name="Log out").click()
    for tab in (page, other):
        expect(tab.get_by_role("button", name="Log in")).to_be_visible()
    assert problems == []


def test_a_wrong_password_is_told_and_the_address_stays(page: Page, site: str) -> None:
    page.fill("[name=email]", "nobody@example.com")
    page.fill("[name=password]", "not the password")
    page.click("button")
    expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.locator("[name=email]")).to_have_value("nobody@example.com")
    expect(page.locator("[name=password]")).to_have_value("")
    log_in(page, site)


def test_a_session_that_was_ended_elsewhere_shows_when_somebody_comes_back(
    page: Page, site: str
) -> None:
    email = log_in(page, site)
    with other_device(site, email) as client:
        client.delete("/sessions").raise_for_status()
    expect(page.get_by_text(email)).to_be_visible()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_the_devices_are_shown_and_can_be_ended(page: Page, site: str) -> None:
    email = log_in(page, site)
    with other_device(site, email) as client:
        page.goto(f"{site}/more.html")
        devices = page.get_by_label("Devices").get_by_role("listitem").filter(has_text="End")
        expect(devices).to_have_count(2)
        devices.filter(has_not_text="(this one)").get_by_role("button").click()
        expect(devices).to_have_count(1)
        assert client.get("/me").status_code == 401
    devices.get_by_role("button").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_sign_up_form_makes_the_account_and_logs_in(page: Page, site: str) -> None:
    email = f"eve-{secrets.token_hex(4)}@example.com"
    page.goto(f"{site}/more.html?signup")
    for password in ("short", PASSWORD):
        page.fill("[name=email]", email)
        page.fill("[name=password]", password)
        page.click("button")
        if password != PASSWORD:
            expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_text(email)).to_be_visible()


@pytest.mark.parametrize("is_logged_in", [True, False])
def test_a_page_goes_on_once_authapi_is_back(page: Page, site: str, *, is_logged_in: bool) -> None:
    email = log_in(page, site)
    page.route("**/auth/**", lambda route: route.abort())
    page.reload()
    retry = page.get_by_role("button", name="Try again")
    expect(retry).to_be_visible(timeout=30_000)
    if not is_logged_in:
        page.context.clear_cookies()
    page.unroute("**/auth/**")
    retry.click()
    awaited = page.get_by_text(email) if is_logged_in else page.get_by_role("button", name="Log in")
    expect(awaited).to_be_visible(timeout=30_000)


def test_a_server_renders_the_page_without_anybody(project: Path) -> None:
    done = subprocess.run(
        [str(NODE), "render.js"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "<>"
