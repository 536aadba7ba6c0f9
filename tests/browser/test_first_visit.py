"""A browser writes every failed request into its console. So a first visit asks for no session."""

import pytest
from playwright.sync_api import ConsoleMessage

from tests.browser.visitor import Visitor

BY_HAND = (
    "const answer = await fetch('/auth/login', { method: 'POST', body: %r,"
    " headers: { 'Content-Type': 'application/json' } }); return answer.status"
)
WORKER = """
  import { AuthClient } from "/auth/client.js";
  const auth = new AuthClient({ baseUrl: "/auth" });
  postMessage((await auth.restore())?.transport ?? null);
"""
START_IT = """return await new Promise((resolve, reject) => {
  const worker = new Worker("/worker.js", { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = () => reject(new Error("the worker failed"));
})"""


def written(visitor: Visitor) -> list[str]:
    """Return what goes wrong from now on, as the list grows."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            errors.append(message.text)

    visitor.device.on("console", note)
    return errors


def test_a_first_visit_shows_no_error_and_asks_for_no_session(guest: Visitor) -> None:
    errors = written(guest)
    guest.requests.clear()
    guest.page.reload()
    guest.sees_login()
    assert guest.client("return [await auth.restore(), auth.session]") == [None, None]
    asked = {request.url.partition("/auth/")[2] for request in guest.requests}
    offer = "login/passkey/options"  # it writes nothing, and is nobody's
    assert asked - {offer} == {"client.js"}
    assert errors == []


@pytest.mark.parametrize("transport", ["hybrid", "cookie", "session"])
def test_neither_does_a_visit_after_a_log_out(guest: Visitor, transport: str) -> None:
    errors = written(guest)
    guest.client(f"await auth.login({guest.credentials(transport)})")
    guest.page.reload()
    assert guest.client("return await auth.restore()")["transport"] == transport
    guest.client("await auth.logout()")
    guest.page.reload()
    assert guest.client("return await auth.restore()") is None
    assert errors == []


def test_a_log_in_by_somebody_else_is_found_if_the_page_says_so(guest: Visitor) -> None:
    assert guest.client(BY_HAND % guest.credentials("cookie")) == 200
    asking = "new AuthClient({ baseUrl: '/auth', alwaysAsk: true })"
    assert guest.client("return await auth.restore()") is None
    assert guest.client(f"return await {asking}.restore()")["transport"] == "cookie"
    assert guest.client("return await auth.restore()")["transport"] == "cookie"


def test_a_worker_has_the_session_of_its_page(guest: Visitor) -> None:
    """It has no localStorage, so it always asks."""
    guest.client(f"await auth.login({guest.credentials('cookie')})")
    script = {"body": WORKER, "content_type": "text/javascript"}
    guest.device.route("**/worker.js", lambda route: route.fulfill(**script))
    assert guest.client(START_IT) == "cookie"
