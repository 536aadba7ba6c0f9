"""Debian's Chromium, and the sites that it visits. Run these tests by `make test-browser`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.processes import blank_site, example
from tests.browser.tls import Sites, sites
from tests.browser.visitor import Visitor
from tests.project.clone import copy_to, furnish

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
PATIENCE = 60_000  # milliseconds: the machine may be busy
expect.set_options(timeout=PATIENCE)
SHORT = 3  # seconds that an access token lives where a test waits for its end


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone in which `make` works."""
    folder = tmp_path_factory.mktemp("examples") / "a clone"
    copy_to(folder)
    furnish(folder)
    return folder


@pytest.fixture(scope="session")
def spa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of examples/spa."""
    with example("spa/spa.py", tmp_path_factory.mktemp("spa")) as url:
        yield url


@pytest.fixture(scope="session")
def short_lived_spa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield another, whose access tokens live SHORT seconds, with an overlap that is shorter."""
    folder = tmp_path_factory.mktemp("spa")
    with example("spa/spa.py", folder, access_token_ttl=SHORT, refresh_overlap_cookie=1) as url:
        yield url


NewDevice = Callable[[], BrowserContext]


@contextmanager
def devices(browser: Browser, **options: bool) -> Iterator[NewDevice]:
    """Yield a function that opens a browser with its own cookie jar."""
    contexts: list[BrowserContext] = []

    def new() -> BrowserContext:
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(PATIENCE)
        return contexts[-1]

    yield new
    for context in contexts:
        context.close()


@pytest.fixture
def new_device(browser: Browser) -> Iterator[NewDevice]:
    with devices(browser) as new:
        yield new


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Yield a function that opens a page in a browser that runs no scripts."""
    with devices(browser, java_script_enabled=False) as new:
        yield lambda: new().new_page()


@pytest.fixture(scope="session")
def secure_sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """Yield the sites of tls.py."""
    with sites(tmp_path_factory.mktemp("https")) as running:
        yield running


@pytest.fixture
def new_secure_device(browser: Browser) -> Iterator[NewDevice]:
    """Yield a function that opens one for sites whose certificate nobody knows."""
    with devices(browser, ignore_https_errors=True) as new:
        yield new


@pytest.fixture(params=["hybrid", "cookie"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def guest(spa: str, new_device: NewDevice) -> Visitor:
    """Return a visitor of the SPA with an account, who is not logged in."""
    return Visitor.registered(new_device(), spa)


@pytest.fixture
def ada(guest: Visitor, transport: str) -> Visitor:
    """Return one who is logged in, by each transport in turn."""
    guest.log_in(transport)
    return guest


@pytest.fixture
def impatient(short_lived_spa: str, new_device: NewDevice, transport: str) -> Visitor:
    """Return the same where an access token lives SHORT seconds."""
    visitor = Visitor.registered(new_device(), short_lived_spa)
    visitor.log_in(transport)
    return visitor


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """Yield the port of a site that is none of ours."""
    with blank_site() as port:
        yield port
