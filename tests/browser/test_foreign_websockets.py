"""The kind: a rule that looks at one property of a request, where another one decides.

A foreign page's WebSocket, through the documented nginx, with the victim's cookies. Issue 12.
"""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.nginx import get, run
from tests.support.server import ANSWER_TIMEOUT, free_port

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}
# nginx's service speaks no WebSocket: 200 means that the request has reached it.
OPEN = """(url) => new Promise((done) => {
  const socket = new WebSocket(url);
  socket.onopen = socket.onerror = done;
}).then(() => null)"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port(in_a_row=3)
    with run("nginx", tmp_path_factory.mktemp("nginx"), "/auth/healthz", PORT=port):
        url = f"http://localhost:{port}"
        httpx.post(
            f"{url}/auth/register", json=ADA, trust_env=False, timeout=ANSWER_TIMEOUT
        ).raise_for_status()
        yield url


@pytest.fixture(params=["cookie", "session"])
def victim(
    request: pytest.FixtureRequest, nginx: str, new_device: Callable[[], BrowserContext]
) -> BrowserContext:
    device = new_device()
    answer = device.request.post(f"{nginx}/auth/login", data={**ADA, "transport": request.param})
    assert answer.status == 200, answer.text()
    return device


def status_of_handshake(page: Page, nginx: str) -> int:
    """Return the status that refuses the handshake, as Chromium's console tells it."""
    with page.expect_console_message(lambda said: "WebSocket" in said.text) as said:
        page.evaluate(OPEN, f"{nginx.replace('http:', 'ws:')}/api/hello")
    return int(said.value.text.rpartition("Unexpected response code: ")[2])


def test_a_page_of_another_origin_reaches_nothing(
    victim: BrowserContext, nginx: str, elsewhere: int
) -> None:
    page = victim.new_page()
    page.goto(f"http://localhost:{elsewhere}/")  # of the same site: the cookies are sent
    assert status_of_handshake(page, nginx) == 403


def test_our_own_page_reaches_the_service(victim: BrowserContext, nginx: str) -> None:
    page = victim.new_page()
    page.goto(f"{nginx}/api/public/page")
    assert status_of_handshake(page, nginx) == 200


def test_nginx_hands_on_what_tells_a_handshake(victim: BrowserContext, nginx: str) -> None:
    port = int(nginx.rpartition(":")[2])
    cookies = "; ".join(f"{c['name']}={c['value']}" for c in victim.cookies(nginx))
    handshake = (
        *(("Cookie", cookies), ("Connection", "Upgrade"), ("Upgrade", "websocket")),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    )
    assert get(port, "/api/hello", *handshake, ("Origin", nginx)).status == 200
    assert get(port, "/api/hello", *handshake, ("Origin", "https://evil.example")).status == 403
    assert get(port, "/api/hello", *handshake).status == 403
