"""docs/react.md as it stands there: React in StrictMode, behind Vite's proxy, in Chromium."""

import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

from tests.browser.processes import authapi, running
from tests.browser.visitor import PASSWORD
from tests.project.tree import ROOT
from tests.support.server import free_port

MODULES = ROOT / "tests" / "foreign_clients" / "node_modules"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None or not (MODULES / "vite").is_dir(),
    reason="needs Node 20 and npm ci in tests/foreign_clients",
)
BLOCK = re.compile(r"^## (.+?)$(?:(?!^## ).)*?^```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INDEX = '<!doctype html><link rel="icon" href="data:,"><div id="root"></div>'
INDEX += '<script type="module" src="/main.jsx"></script>'
MAIN = """
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.jsx";
import { AuthProvider } from "./auth.jsx";

const page = <StrictMode><AuthProvider><App /></AuthProvider></StrictMode>;
createRoot(document.getElementById("root")).render(page);
"""
RENDER = """
import { createServer } from "vite";
import { createElement } from "react";
import { renderToString } from "react-dom/server";

const server = await createServer({ server: { middlewareMode: true }, appType: "custom" });
const { App } = await server.ssrLoadModule("/App.jsx");
const { AuthProvider } = await server.ssrLoadModule("/auth.jsx");
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
    blocks = dict(BLOCK.findall((ROOT / "docs" / "react.md").read_text(encoding="utf-8")))
    files = {"auth.jsx": blocks["The provider"], "App.jsx": blocks["A page"], "main.jsx": MAIN}
    files |= {"vite.config.js": blocks["Vite"], "index.html": INDEX, "render.js": RENDER}
    files |= {"package.json": '{"type": "module"}'}
    for name, text in files.items():
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


def test_a_wrong_password_is_told(page: Page) -> None:
    page.fill("[name=email]", "nobody@example.com")
    page.fill("[name=password]", "not the password")
    page.click("button")
    expect(page.get_by_role("alert")).not_to_be_empty()


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
