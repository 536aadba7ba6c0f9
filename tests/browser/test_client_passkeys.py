"""clients/js and passkeys in Chromium: in every transport, in older browsers, and aborted."""

import pytest

from tests.browser.second_factors import Telephone
from tests.browser.visitor import Visitor
from tests.support.server import ANSWER_TIMEOUT
from tests.support.until import until

# A client of the page's own that has a passkey, made by a log-in of the transport.
ADDED = (
    "window.auth = new AuthClient({ baseUrl: '/auth', transport: '%s' });"
    "await auth.login(%s); const added = await auth.addPasskey('Telephone');"
)
# A browser of before 2025: WebAuthn's JSON is the client's own.
OLDER = (
    "for (const name of ['parseRequestOptionsFromJSON', 'parseCreationOptionsFromJSON'])"
    " delete PublicKeyCredential[name]; delete PublicKeyCredential.prototype.toJSON;"
)
CONDITIONAL = "auth.loginWithPasskey({ conditional: true, signal: stop.signal })"
COUNTED = (
    "window.offers = 0; const get = navigator.credentials.get.bind(navigator.credentials);"
    "navigator.credentials.get = (options) => { window.offers += 1; return get(options); };"
)
CAUGHT = "const caught = (promise) => promise.then((value) => value, ({ name }) => name);"


@pytest.fixture
def guest(guest: Visitor) -> Visitor:
    guest.page.goto(f"{guest.url}/icon.svg")  # a page without a client of its own
    guest.requests.clear()  # the page before has offered passkeys
    return guest


@pytest.mark.parametrize("transport", ["hybrid", "cookie", "session", "bearer"])
def test_a_passkey_logs_in_by_every_transport(guest: Visitor, transport: str) -> None:
    Telephone(guest.page)
    added = ADDED % (transport, guest.credentials(transport))
    assert guest.client(
        f"{added} await auth.logout(); const before = auth.session;"
        "const { transport } = await auth.loginWithPasskey(); const user = await auth.loadUser();"
        "return [added.kind, added.name, before, transport, user.email]"
    ) == ["passkey", "Telephone", None, transport, guest.email]


def test_an_older_browser_has_no_json_of_its_own(guest: Visitor) -> None:
    Telephone(guest.page)
    added = ADDED % ("hybrid", guest.credentials("hybrid"))
    assert guest.client(
        f"{OLDER} {added} await auth.logout(); await auth.loginWithPasskey({{ remember: false }});"
        "return [typeof PublicKeyCredential.prototype.toJSON, (await auth.loadUser()).email]"
    ) == ["undefined", guest.email]


def test_an_offer_in_a_form_can_be_aborted(guest: Visitor) -> None:
    Telephone(guest.page).touch(is_touched=False)
    assert guest.client(
        f"{CAUGHT} const stop = new AbortController(); const offered = caught({CONDITIONAL});"
        "stop.abort(); const early = await caught(" + CONDITIONAL + ");"
        "return [await offered, early, auth.session]"
    ) == ["AbortError", "AbortError", None]


def test_a_browser_without_such_offers_makes_none(guest: Visitor) -> None:
    assert (
        guest.client(
            "delete PublicKeyCredential.isConditionalMediationAvailable;"
            "return await auth.loginWithPasskey({ conditional: true })"
        )
        is None
    )
    assert guest.asked_for("login/passkey/options") == []


def test_another_request_takes_the_place_of_an_offer(guest: Visitor) -> None:
    telephone = Telephone(guest.page)
    guest.client(f"{ADDED % ('hybrid', guest.credentials('hybrid'))} await auth.logout()")
    telephone.touch(is_touched=False)
    with guest.page.expect_response("**/login/passkey/options"):
        guest.client(
            f"{CAUGHT} const stop = {{}}; window.offered = caught({CONDITIONAL}); return 0"
        )
    telephone.touch_before_the_next_request()
    assert guest.client(
        "await auth.loginWithPasskey(); return [await offered, (await auth.loadUser()).email]"
    ) == ["AbortError", guest.email]


def test_an_offer_gets_a_new_challenge_before_the_old_one_is_over(guest: Visitor) -> None:
    """A page that was open for long: a challenge lasts for five minutes."""
    telephone = Telephone(guest.page)
    guest.client(f"{ADDED % ('hybrid', guest.credentials('hybrid'))} await auth.logout()")
    telephone.touch(is_touched=False)
    guest.page.clock.install()
    guest.client(f"{COUNTED} const stop = {{}}; window.offered = {CONDITIONAL}; return null")
    await_offers(guest, 1)
    guest.page.clock.fast_forward(241_000)
    await_offers(guest, 2)
    telephone.touch_before_the_next_request()
    guest.page.clock.fast_forward(241_000)
    guest.client("await offered")
    await_offers(guest, 3)
    assert guest.client("return (await auth.loadUser()).email") == guest.email


def await_offers(guest: Visitor, count: int) -> None:
    """The time of an offer runs from here on, not from the answer with its challenge."""
    until(lambda: guest.page.evaluate("offers") == count, seconds=ANSWER_TIMEOUT, every=0.05)


def test_a_page_without_passkeys_says_why(guest: Visitor) -> None:
    """As one by http from another machine."""
    told = guest.client(
        "delete globalThis.PublicKeyCredential;"
        "return await auth.loginWithPasskey().catch(({ message }) => message)"
    )
    assert "https" in told


def test_a_person_may_cancel(guest: Visitor) -> None:
    guest.client(f"{CAUGHT} await auth.login({guest.credentials('hybrid')})")
    told = guest.client(
        f"{CAUGHT} navigator.credentials.create = () =>"
        " Promise.reject(new DOMException('', 'NotAllowedError'));"
        "return [await caught(auth.addPasskey()), (await auth.factors()).length]"
    )
    assert told == ["NotAllowedError", 0]
