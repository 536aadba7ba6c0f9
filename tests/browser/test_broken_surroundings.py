"""The browser client where storage, channel or locks fail, or somebody else answers for authapi.

Kind: a side effect after the point of no return fails the call. What is for other tabs never
decides what the caller is told. Kind: empty answers are believed.
"""

import pytest
from playwright.sync_api import Route

from tests.browser.visitor import Visitor

THROW = "{ throw new DOMException('Not here.', '%s'); }"
FORBIDDEN, FULL, CLOSED = (
    THROW % name for name in ("SecurityError", "QuotaExceededError", "InvalidStateError")
)
REQUEST = "LockManager.prototype.request"
STORAGE = "Object.defineProperty(window, 'localStorage', %s);"
BROKEN = {
    "nothing": "",
    "storage is full": f"Storage.prototype.setItem = () => {FULL}",
    "storage is forbidden": STORAGE % f"{{ get() {FORBIDDEN} }}",
    "storage is missing": STORAGE % "{ value: null }",
    "storage keeps nothing": "Storage.prototype.setItem = () => undefined",
    "storage can't be emptied": f"Storage.prototype.removeItem = () => {FORBIDDEN}",
    "storage holds nonsense": "Storage.prototype.getItem = () => '{nonsense'",
    "storage holds another program's": 'Storage.prototype.getItem = () => \'{"key": "é\\\\n"}\'',
    "no channel": "delete window.BroadcastChannel",
    "a channel is forbidden": f"window.BroadcastChannel = class {{ constructor() {FORBIDDEN} }}",
    "a channel is closed": f"BroadcastChannel.prototype.postMessage = () => {CLOSED}",
    "no locks": "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })",
    "locks are forbidden": f"{REQUEST} = async () => {FORBIDDEN}",
    "locks throw": f"{REQUEST} = () => {FORBIDDEN}",
    "a lock is stolen": (
        f"const request = {REQUEST}; {REQUEST} = function (name, work) {{"
        "const done = request.call(this, name, work);"
        "setTimeout(() => request.call(this, name, { steal: true }, () => undefined), 5);"
        "return done }"
    ),
}
ME = "(await auth.fetch('/auth/me')).status"


@pytest.fixture(params=["hybrid", "cookie", "session"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_log_in_and_log_out_succeed_whatever_the_other_tabs_are_told(
    guest: Visitor, transport: str, broken: str
) -> None:
    guest.device.add_init_script(broken)
    guest.page.reload()
    session = guest.client(f"return await auth.login({guest.credentials(transport)})")
    assert session["transport"] == transport
    assert guest.client(f"return {ME}") == 200
    guest.page.reload()
    assert guest.client("return await auth.restore()")["transport"] == transport
    assert guest.client(f"await auth.logout(); return [{ME}, auth.session]") == [401, None]
    assert guest.device.cookies() == []


def test_a_closed_client_goes_on(guest: Visitor, transport: str) -> None:
    """React's StrictMode mounts twice: the second time with a client that was closed."""
    log_in = f"await auth.login({guest.credentials(transport)})"
    assert guest.client(f"auth.close(); auth.close(); {log_in}; return {ME}") == 200
    assert guest.client(f"await auth.logout(); return [{ME}, auth.session]") == [401, None]
    assert guest.device.cookies() == []


def test_a_closed_client_still_tells_the_other_tabs(guest: Visitor, transport: str) -> None:
    other = guest.open_tab()
    guest.client(f"auth.close(); await auth.login({guest.credentials(transport)})")
    guest.sees_account(other)
    guest.client("await auth.logout()")
    guest.sees_login(other)


def test_a_listener_that_throws_is_not_the_callers_concern(guest: Visitor, transport: str) -> None:
    fail = "() => { throw new Error('the page is broken') }"
    guest.client(
        f"auth.addEventListener('started', {fail}); auth.addEventListener('ended', {fail})"
    )
    assert guest.client(f"await auth.login({guest.credentials(transport)}); return {ME}") == 200
    assert guest.client("await auth.logout(); return auth.session") is None


ODD = {
    "nothing": "",
    "a portal's page": "<!doctype html><title>Welcome to our network</title>",
    "half of it": '{"access_token": "e',
    "null": "null",
    "a list": "[]",
    "an empty object": "{}",
    "other types": '{"session_id": 1, "expires_in": "900", "csrf_token": {}, "id": null}',
}
CAUGHT = "try { await %s } catch (e) { return [e instanceof AuthError, e.code, auth.session] }"


class Portal:
    """Somebody else answers 200 at `path`, until `is_left`."""

    def __init__(self, visitor: Visitor, path: str, body: str) -> None:
        self.visitor, self.path, self.body = visitor, path, body
        self.keys: list[str | None] = []
        self.is_left = False
        visitor.device.route(f"**/auth/{path}", self._answer)

    def _answer(self, route: Route) -> None:
        self.keys.append(route.request.headers.get("idempotency-key"))
        if self.is_left:
            route.fallback()
        else:
            route.fulfill(status=200, body=self.body, content_type="text/html")


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_a_log_in_that_somebody_else_answers_is_an_error(guest: Visitor, body: str) -> None:
    portal = Portal(guest, "login", body)
    login = f"auth.login({guest.credentials('hybrid')})"
    assert guest.client(CAUGHT % login) == [True, "invalid_response", None]
    assert len(portal.keys) == 1


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_a_refresh_that_somebody_else_answers_ends_nothing(guest: Visitor, body: str) -> None:
    guest.client(f"await auth.login({guest.credentials('hybrid')})")
    portal = Portal(guest, "refresh", body)
    guest.page.reload()
    portal.keys.clear()
    restored = "const client = new AuthClient({ baseUrl: '/auth' });"
    refused = restored + CAUGHT.replace("auth.session", "e.status") % "client.restore()"
    assert guest.client(refused) == [True, "invalid_response", 200]
    assert len(portal.keys) >= 3
    portal.is_left = True
    assert guest.client("return await auth.restore()")
    assert len(set(portal.keys)) == 1


@pytest.mark.parametrize("path", ["csrf", "me", "logout"])
def test_no_other_answer_of_somebody_else_is_believed(guest: Visitor, path: str) -> None:
    guest.client(f"await auth.login({guest.credentials('session')})")
    portal = Portal(guest, path, "<!doctype html>")
    call = "auth.logout()" if path == "logout" else "auth.restore()"
    if path != "logout":
        guest.page.reload()
    assert guest.client(CAUGHT % call)[:2] == [True, "invalid_response"]
    portal.is_left = True
    assert guest.client("return await auth.restore()")
    guest.client("await auth.logout()")
    assert guest.device.cookies() == []


@pytest.mark.parametrize("body", ["null", "5", "", "<p>"])
def test_an_error_that_is_a_proxys_is_an_auth_error(guest: Visitor, body: str) -> None:
    guest.device.route("**/auth/login", lambda route: route.fulfill(status=502, body=body))
    login = f"auth.login({guest.credentials('hybrid')})"
    assert guest.client(CAUGHT % login) == [True, "server_error", None]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_refresh_waits_for_a_server_that_restarts(guest: Visitor, status: int) -> None:
    guest.client(f"await auth.login({guest.credentials('hybrid')})")
    keys: list[str] = []

    def answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) < 3:
            route.fulfill(status=status, body="Bad gateway")
        else:
            route.fallback()

    guest.page.goto(f"{guest.url}/icon.svg")
    guest.device.route("**/auth/refresh", answer)
    assert guest.client("return await auth.restore()")
    assert len(set(keys)) == 1


def test_a_token_that_is_good_goes_on_where_its_early_refresh_fails(guest: Visitor) -> None:
    guest.client(f"await auth.login({guest.credentials('hybrid')})")
    guest.device.route("**/auth/refresh", lambda route: route.fulfill(status=503))
    # The last half minute of a quarter of an hour, by the browser's own clock.
    guest.page.evaluate("const now = Date.now; Date.now = () => now() + (900 - 25) * 1000")
    assert guest.client(f"return {ME}") == 200
    guest.page.evaluate("const then = Date.now; Date.now = () => then() + 30_000")
    assert guest.client(CAUGHT % "auth.fetch('/auth/me')")[:2] == [True, "server_error"]
