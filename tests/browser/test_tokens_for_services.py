"""`resources` of clients/js in a page: each service gets a token of its own, with hybrid.

The service is /verify of authapi, which demands the audience. It lies below the client's base.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.processes import example
from tests.browser.visitor import Visitor

RESOURCES = "{ '/auth/verify': 'reports' }"
MAKE = f"window.api ??= new AuthClient({{ baseUrl: '/auth', resources: {RESOURCES} }});"
ASKING = "api.fetch('/auth/verify?audience=reports').then(({ status }) => status)"
ASK = f"await {ASKING}"
# The client's own channel is the older one, and hears each message first.
HEAR = """window.heard = new Promise((done) => {
  const channel = new BroadcastChannel(`authapi ${location.origin}/auth`);
  channel.onmessage = ({ data }) => data.other && done();
});"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with example("spa/spa.py", tmp_path_factory.mktemp("spa"), audiences="reports") as url:
        yield url


@pytest.fixture
def eve(site: str, new_device: Callable[[], BrowserContext]) -> Visitor:
    visitor = Visitor.registered(new_device(), site)
    visitor.log_in("hybrid")
    return visitor


def run(visitor: Visitor, script: str, page: Page | None = None) -> Any:
    return visitor.client(f"{MAKE} {script}", page)


def test_a_page_asks_a_service_and_authapi_with_a_token_for_each(eve: Visitor) -> None:
    script = f"return [{ASK}, (await api.loadUser()).email, {ASK}]"
    assert run(eve, script) == [204, eve.email, 204]


def test_all_tabs_share_what_one_has_asked_for(eve: Visitor) -> None:
    other = eve.open_tab()
    eve.sees_account(other)
    run(eve, f"await api.restore(); {HEAR}", other)
    assert run(eve, f"await api.restore(); return {ASK}") == 204
    run(eve, "await window.heard", other)
    before = len(eve.asked_for("refresh"))
    assert run(eve, f"return {ASK}", other) == 204
    assert len(eve.asked_for("refresh")) == before


def test_tabs_that_ask_at_once_lose_no_session(eve: Visitor) -> None:
    tabs = [eve.page, *(eve.open_tab() for _ in range(2))]
    for tab in tabs:
        eve.sees_account(tab)
        run(eve, f"window.asked = Promise.all([{ASKING}, api.restore(), {ASKING}])", tab)
    for tab in tabs:
        assert run(eve, f"await window.asked; return {ASK}", tab) == 204
    eve.is_still_herself()


def test_a_log_out_ends_the_services_token_in_every_tab(eve: Visitor) -> None:
    other = eve.open_tab()
    eve.sees_account(other)
    assert run(eve, f"return {ASK}", other) == 204
    eve.page.click("#logout")
    expect(other.locator("#login")).to_be_visible()
    assert run(eve, f"return [{ASK}, api.session]", other) == [401, None]


def test_a_session_by_cookie_has_no_token_for_a_service(eve: Visitor) -> None:
    """Another client of the same page has chosen the transport."""
    eve.client(f"await auth.login({eve.credentials('cookie')})")
    caught = f"await api.restore(); return await {ASKING}.then(() => null, (error) => error.name)"
    assert run(eve, caught) == "TypeError"
    assert run(eve, "return (await api.loadUser()).email") == eve.email
    eve.is_still_herself()
