"""What another site's page can do to somebody who is logged in here: nothing.

`127.0.0.1` and `localhost` are two sites to a browser. Two ports of `localhost` are two origins of
one site: from there even SameSite=Strict cookies are sent, as from a stranger's subdomain.
"""

import json
from collections.abc import Callable, Iterator, Sequence

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.visitor import PASSWORD, Visitor
from tests.support.server import ANSWER_TIMEOUT

# A form that is sent into a new tab; `fields` are names and values, or one line of text/plain.
SEND_FORM = """([action, enctype, fields]) => {
  const form = Object.assign(document.createElement("form"),
    { method: "POST", action, enctype, target: "_blank" });
  for (const [name, value] of fields) {
    form.append(Object.assign(document.createElement("input"), { name, value, type: "hidden" }));
  }
  document.body.append(form);
  form.submit();
}"""
FETCH = """([url, init]) => fetch(url, init).then((answer) => answer.status || answer.type,
  (error) => `refused: ${error.message}`)"""

DANGEROUS = ["/logout", "/logout/all", "/me/delete", "/me/password", "/refresh"]
REFUSED = {
    "csrf_failed",
    "invalid_grant",
    "invalid_request",  # a `session` has nothing to refresh
    "invalid_token",
    "unsupported_media_type",
}
SITES = ["127.0.0.1", "localhost"]


@pytest.fixture(params=["hybrid", "cookie", "session"])
def victim(
    request: pytest.FixtureRequest, spa: str, new_device: Callable[[], BrowserContext]
) -> Visitor:
    """Logged in, by each transport that has cookies in turn."""
    visitor = Visitor.registered(new_device(), spa)
    visitor.client(f"await auth.login({visitor.credentials(request.param)})")
    visitor.sees_account()
    return visitor


@pytest.fixture(params=SITES, ids=["another site", "another origin"])
def evil(request: pytest.FixtureRequest, victim: Visitor, elsewhere: int) -> Iterator[Page]:
    """A page of somebody else, in the victim's browser. Afterwards nothing may have changed."""
    before = sorted(_jar(victim).items())
    page = victim.device.new_page()
    page.goto(f"http://{request.param}:{elsewhere}/")
    yield page
    assert sorted(_jar(victim).items()) == before
    assert _profile(victim) == (200, victim.email, None, 1)


def _jar(victim: Visitor) -> dict[str, str]:
    return {str(cookie["name"]): str(cookie["value"]) for cookie in victim.device.cookies()}


def _profile(victim: Visitor) -> tuple[object, ...]:
    """What the victim's own page sees: status, e-mail, username, number of sessions."""
    found = victim.client(
        "await auth.restore(); const me = await auth.fetch('/auth/me');"
        "const list = await (await auth.fetch('/auth/sessions')).json();"
        "const { email, username } = await me.json();"
        "return [me.status, email, username, list.length]"
    )
    return tuple(found)


def _send_form(page: Page, what: Sequence[object]) -> str:
    """The code of authapi's refusal, which the new tab shows."""
    with page.context.expect_page() as opened:
        page.evaluate(SEND_FORM, what)
    tab: Page = opened.value
    body = tab.locator("body")
    expect(body).to_contain_text('"error":')
    code = json.loads(body.inner_text())["error"]
    tab.close()
    return str(code)


@pytest.mark.parametrize("form", ["urlencoded", "JSON in text/plain", "empty"])
def test_a_form_changes_nothing(victim: Visitor, evil: Page, form: str) -> None:
    """The empty one has no content type that it could be refused by."""
    enctype, fields = {
        "urlencoded": ("application/x-www-form-urlencoded", [["password", PASSWORD]]),
        "JSON in text/plain": ("text/plain", [[f'{{"password": "{PASSWORD}", "x": "', '"}']]),
        "empty": ("text/plain", []),
    }[form]
    for path in DANGEROUS:
        assert _send_form(evil, [f"{victim.url}/auth{path}", enctype, fields]) in REFUSED


def test_a_simple_fetch_changes_nothing(victim: Visitor, evil: Page) -> None:
    """Its answer is kept from the page, too: Cross-Origin-Resource-Policy."""
    for path in DANGEROUS:
        for body in ({"body": json.dumps({"password": PASSWORD})}, {}):
            init = {"method": "POST", "mode": "no-cors", "credentials": "include", **body}
            answer = evil.evaluate(FETCH, [f"{victim.url}/auth{path}", init])
            assert str(answer).startswith("refused")


def test_a_fetch_that_is_not_simple_is_never_sent(victim: Visitor, evil: Page) -> None:
    headers = {"Content-Type": "application/json", "X-CSRF-Token": "planted"}
    changes = [("PATCH", "/me"), ("DELETE", "/sessions"), *(("POST", path) for path in DANGEROUS)]
    for method, path in changes:
        init = {"method": method, "credentials": "include", "headers": headers, "body": "{}"}
        answer = evil.evaluate(FETCH, [f"{victim.url}/auth{path}", init])
        assert str(answer).startswith("refused")


def test_nothing_can_be_read(victim: Visitor, evil: Page) -> None:
    for path in ("/me", "/csrf", "/sessions", "/verify"):
        answer = evil.evaluate(FETCH, [f"{victim.url}/auth{path}", {"credentials": "include"}])
        assert str(answer).startswith("refused")


def test_images_scripts_frames_and_navigation_change_nothing(victim: Visitor, evil: Page) -> None:
    for path in ("/logout", "/logout/all", "/sessions", "/me/delete", "/csrf"):
        url = f"{victim.url}/auth{path}"
        for tag in ("img", "script", "iframe"):
            evil.evaluate(
                "([tag, src]) => new Promise((done) => document.body.append(Object.assign("
                "document.createElement(tag), { src, onload: done, onerror: done })))",
                [tag, url],
            )
        tab = victim.device.new_page()
        tab.goto(evil.url)
        with tab.expect_navigation():
            tab.evaluate("(url) => { location.href = url }", url)
        tab.close()


def test_nobody_is_logged_in_as_somebody_else(victim: Visitor, evil: Page) -> None:
    eve = _register(f"eve-{victim.email}", victim.url)
    for transport in ("hybrid", "cookie", "session", "bearer"):
        body = json.dumps({**eve, "transport": transport, "username": "="})
        name, _, value = body.partition("=")
        action = f"{victim.url}/auth/login"
        code = _send_form(evil, [action, "text/plain", [[name, value]]])
        assert code == "unsupported_media_type"
        init = {"method": "POST", "mode": "no-cors", "credentials": "include", "body": body}
        assert str(evil.evaluate(FETCH, [action, init])).startswith("refused")


def test_a_planted_cookie_with_its_header_is_no_csrf_token(victim: Visitor, elsewhere: int) -> None:
    """A stranger's subdomain can set cookies: a token that had to match one would be theirs."""
    stranger = victim.device.new_page()
    stranger.goto(f"http://localhost:{elsewhere}/")
    stranger.evaluate(
        "for (const name of ['csrf_token', 'csrftoken', 'X-CSRF-Token', 'authapi-csrf'])"
        "  document.cookie = `${name}=planted; path=/`"
    )
    init = {"method": "POST", "headers": {"X-CSRF-Token": "planted"}}
    assert victim.page.evaluate(FETCH, ["/auth/logout", init]) == 403
    assert _profile(victim) == (200, victim.email, None, 1)


def test_a_planted_session_is_not_taken_for_ones_own(victim: Visitor, elsewhere: int) -> None:
    """Two cookies of one name: nobody can tell whose is whose, so neither counts.

    Of hybrid it is the refresh cookie: no other one is a credential.

    With an https public URL none can be planted at all: the names begin with `__Host-Http-`.
    """
    kind = next(kind for kind in ("access", "session", "refresh") if victim.cookie(kind))
    transport = {"access": "cookie", "session": "session", "refresh": "hybrid"}[kind]
    path, init = ("/auth/refresh", {"method": "POST"}) if kind == "refresh" else ("/auth/me", {})
    eve = _register(f"eve-{victim.email}", victim.url)
    answer = httpx.post(
        f"{victim.url}/auth/login",
        json={**eve, "transport": transport},
        headers={"Origin": victim.url},
        trust_env=False,
        timeout=ANSWER_TIMEOUT,
    )
    stranger = victim.device.new_page()
    stranger.goto(f"http://localhost:{elsewhere}/")
    value = answer.cookies[f"authapi-{kind}"]
    stranger.evaluate(f"document.cookie = 'authapi-{kind}={value}; path=/auth'")
    assert len([c for c in victim.device.cookies() if c["name"] == f"authapi-{kind}"]) == 2
    assert victim.page.evaluate(FETCH, [path, init]) == 401


def _register(email: str, url: str) -> dict[str, str]:
    body = {"email": email, "password": PASSWORD}
    assert (
        httpx.post(
            f"{url}/auth/register", json=body, trust_env=False, timeout=ANSWER_TIMEOUT
        ).status_code
        == 201
    )
    return body
