"""The client's key where a browser has no locks: another tab may be at it at the same moment."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.browser.visitor import Visitor

NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"
KEPT = "(Object.entries(localStorage).find(([name]) => name.startsWith('authapi ')) ?? [])"
THEIRS = "made-by-the-other-tab"
REUSED = {"error": "invalid_request", "error_description": "The key was used before."}


@pytest.fixture
def lockless(ada: Visitor) -> Visitor:
    ada.device.add_init_script(NO_LOCKS)
    ada.page.reload()
    ada.sees_account()
    return ada


def kept(visitor: Visitor) -> dict[str, Any]:
    return dict(json.loads(visitor.page.evaluate(f"{KEPT}[1]")))


class OtherTab:
    """Writes down what it keeps while a refresh of the first tab is under way."""

    def __init__(self, device: BrowserContext, visitor: Visitor) -> None:
        self._first = visitor.page
        self._page = device.new_page()
        self._page.goto(f"{visitor.url}/icon.svg")  # of the same origin, and without a client
        _wait_until_both_see(self._first, self._page)

    def keeps(self, **changes: str) -> None:
        script = (
            f"(changes) => {{ const [name, text] = {KEPT};"
            "localStorage.setItem(name, JSON.stringify({ ...JSON.parse(text), ...changes })) }"
        )
        self._page.evaluate(script, changes)
        _wait_until_both_see(self._page, self._first)


def _wait_until_both_see(writer: Page, reader: Page) -> None:
    """Chromium tells the other tabs of what was stored a moment later."""
    is_seen = f"(text) => {KEPT}[1] === text"
    reader.wait_for_function(is_seen, arg=writer.evaluate(f"{KEPT}[1]"), polling=20)


def refresh_while(visitor: Visitor, *, answers: list[int], **changes: str) -> list[str]:
    """Refresh; the other tab changes what is kept before the first answer. The keys sent."""
    other, sent = OtherTab(visitor.device, visitor), []

    def answer(route: Route) -> None:
        sent.append(route.request.headers["idempotency-key"])
        status = answers[len(sent) - 1] if len(sent) <= len(answers) else 200
        response = None if status == 400 else route.fetch()
        if len(sent) == 1:
            other.keeps(**changes)
        if response is None:
            route.fulfill(status=400, json=REUSED)
        else:
            route.fulfill(response=response, json={**response.json(), "rotated": True})

    visitor.device.route("**/auth/refresh", answer)
    assert visitor.client("return await auth.restore()")
    return sent


def test_the_key_that_another_tab_has_made_is_not_replaced(lockless: Visitor) -> None:
    sent = refresh_while(lockless, answers=[200], key=THEIRS)
    assert len(sent) == 1
    assert kept(lockless)["key"] == THEIRS


def test_a_key_that_was_used_up_is_replaced(lockless: Visitor) -> None:
    before = kept(lockless)["key"]
    assert refresh_while(lockless, answers=[200]) == [before]
    assert kept(lockless)["key"] != before


def test_after_400_the_other_tabs_new_key_is_used(lockless: Visitor) -> None:
    sent = refresh_while(lockless, answers=[400], key=THEIRS)
    assert sent[1:] == [THEIRS]


def test_after_400_a_new_key_is_made(lockless: Visitor) -> None:
    before = kept(lockless)["key"]
    sent = refresh_while(lockless, answers=[400])
    assert sent[0] == before
    assert len(set(sent)) == len(sent) == 2


def test_an_answer_for_a_session_that_was_replaced_meanwhile_is_not_taken(
    lockless: Visitor,
) -> None:
    """The other tab has logged in anew: what comes is of the session before."""
    sent = refresh_while(lockless, answers=[200], session_id="another", key=THEIRS)
    assert sent[1:] == [THEIRS]
