"""Passkeys in Chromium, with its virtual authenticator: by the page's block, as it stands.

The authenticator is a device's own: it has a fingerprint reader, and the finger is always there.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, CDPSession, Page, Route

from tests.browser.visitor import PASSWORD
from tests.project.tree import ROOT
from tests.support.snippets import shown

(BLOCK,) = shown("docs/factors.md", "js", "Without our client")
HTML = f"<!doctype html><title>passkeys</title><script>{BLOCK}</script>"
# What a page of a thief's own would do with the options: it asks for less.
CARELESS = """() => {
const parse = PublicKeyCredential.parseRequestOptionsFromJSON;
PublicKeyCredential.parseRequestOptionsFromJSON =
  (options) => parse.call(PublicKeyCredential, { ...options, userVerification: "discouraged" });
}"""
MODULES = ROOT / "tests" / "foreign_clients" / "node_modules"
BUNDLE = MODULES / "@simplewebauthn/browser/dist/bundle/index.umd.min.js"
# The functions of the block again, by the library.
SIMPLEWEBAUTHN = """() => {
window.addPasskey = async (token, name) => {
  const { challenge_id, options } = await post("/me/passkeys/options", {}, token);
  const credential = await SimpleWebAuthnBrowser.startRegistration({ optionsJSON: options });
  return post("/me/passkeys", { challenge_id, credential, name }, token);
};
window.logInByPasskey = async (transport) => {
  const { challenge_id, options } = await post("/login/passkey/options");
  const credential = await SimpleWebAuthnBrowser.startAuthentication({ optionsJSON: options });
  return post("/login/passkey", { challenge_id, credential, transport });
};
}"""


@dataclass
class Device:
    """A browser with a virtual authenticator, on a page of the SPA's origin."""

    page: Page
    spa: str
    email: str = field(default_factory=lambda: f"ada-{secrets.token_hex(4)}@example.com")
    protocol: CDPSession = field(init=False)
    authenticator: str = field(init=False)

    def __post_init__(self) -> None:
        self.open(f"{self.spa}/a-page")
        self.protocol = self.page.context.new_cdp_session(self.page)
        self.protocol.send("WebAuthn.enable")
        self.post("register")

    def open(self, url: str) -> None:
        def fulfil(route: Route) -> None:
            route.fulfill(body=HTML, content_type="text/html")

        self.page.route(url, fulfil)
        self.page.goto(url)

    def post(self, path: str) -> httpx.Response:
        body = {"email": self.email, "password": PASSWORD}
        return httpx.post(f"{self.spa}/auth/{path}", json=body, trust_env=False, timeout=60)

    def plug_in(self, **options: Any) -> None:
        """Give the browser an authenticator, by the names of the protocol."""
        usual = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
        verifies = {"hasUserVerification": True, "isUserVerified": True}
        given = {**usual, **verifies, "automaticPresenceSimulation": True, **options}
        added = self.protocol.send("WebAuthn.addVirtualAuthenticator", {"options": given})
        self.authenticator = added["authenticatorId"]

    def of_authenticator(self, method: str, **more: Any) -> Any:
        named = {"authenticatorId": self.authenticator, **more}
        return self.protocol.send(f"WebAuthn.{method}", named)

    def credential(self) -> dict[str, Any]:
        """Return the one passkey, with its private key."""
        (found,) = self.of_authenticator("getCredentials")["credentials"]
        return dict(found)

    def run(self, call: str) -> dict[str, Any]:
        """Return what a function of the block returned, or the error that it threw."""
        script = f"{call}.catch((error) => ({{ error: error.error ?? error.name }}))"
        return dict(self.page.evaluate(script))

    def add_passkey(self) -> dict[str, Any]:
        token = self.post("login").json()["access_token"]
        return self.run(f"addPasskey('{token}', 'This computer')")

    def log_in(self, transport: str = "bearer") -> dict[str, Any]:
        return self.run(f"logInByPasskey('{transport}')")

    def email_of(self, token: str) -> str:
        headers = {"Authorization": f"Bearer {token}"}
        return str(
            httpx.get(f"{self.spa}/auth/me", headers=headers, trust_env=False).json()["email"]
        )


@pytest.fixture
def device(spa: str, new_device: Callable[[], BrowserContext]) -> Device:
    return Device(new_device().new_page(), spa)


@pytest.mark.parametrize("transport", ["bearer", "hybrid"])
def test_a_passkey_is_made_and_logs_in_without_a_name(device: Device, transport: str) -> None:
    device.plug_in()
    added = device.add_passkey()
    assert (added["kind"], added["name"]) == ("passkey", "This computer")
    assert device.credential()["isResidentCredential"]
    opened = device.log_in(transport)
    assert device.email_of(opened["access_token"]) == device.email
    assert ("refresh_token" in opened) == (transport == "bearer")
    assert device.log_in()["access_token"]


def test_a_field_suggests_the_passkey(device: Device) -> None:
    device.plug_in()
    device.add_passkey()
    opened = device.run("logInByPasskey('bearer', { mediation: 'conditional' })")
    assert device.email_of(opened["access_token"]) == device.email


def test_the_backup_flags_are_those_of_the_authenticator(device: Device) -> None:
    device.plug_in(defaultBackupEligibility=True, defaultBackupState=True)
    added = device.add_passkey()
    assert (added["backup_eligible"], added["backed_up"]) == (True, True)
    assert device.log_in()["access_token"]


def test_a_passkey_that_is_there_already_is_not_made_again(device: Device) -> None:
    device.plug_in()
    assert device.add_passkey()["id"]
    token = device.log_in()["access_token"]  # by two factors, as another passkey needs
    assert device.run(f"addPasskey('{token}', 'Two')") == {"error": "InvalidStateError"}


def test_a_user_who_is_not_verified_is_refused(device: Device) -> None:
    device.plug_in()
    device.add_passkey()
    device.of_authenticator("setUserVerified", isUserVerified=False)
    assert device.log_in() == {"error": "NotAllowedError"}  # by the browser, which was asked to
    device.page.evaluate(CARELESS)
    assert device.log_in() == {"error": "invalid_credentials"}


def test_a_copy_whose_counter_went_back_is_refused(device: Device) -> None:
    device.plug_in()
    device.add_passkey()
    copied = device.credential()
    assert device.log_in()["access_token"]
    owners = device.credential()
    assert owners["signCount"] > copied["signCount"]
    device.of_authenticator("clearCredentials")
    device.of_authenticator("addCredential", credential=copied)
    assert device.log_in() == {"error": "invalid_credentials"}
    device.of_authenticator("clearCredentials")
    device.of_authenticator("addCredential", credential=owners)
    assert device.log_in()["access_token"]


def test_a_page_of_another_origin_is_refused(device: Device, elsewhere: int) -> None:
    """One of the same domain: the browser lets it use the passkey, and authapi does not."""
    device.plug_in()
    device.add_passkey()
    device.open(f"http://localhost:{elsewhere}/a-page")
    asked = httpx.post(f"{device.spa}/auth/login/passkey/options", trust_env=False).json()
    answered = device.page.evaluate(
        """async (options) => {
          const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
          return (await navigator.credentials.get({ publicKey })).toJSON();
        }""",
        asked["options"],
    )
    body = {"challenge_id": asked["challenge_id"], "credential": answered}
    answer = httpx.post(f"{device.spa}/auth/login/passkey", json=body, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")


@pytest.mark.skipif(not BUNDLE.exists(), reason="needs npm ci in tests/foreign_clients")
def test_simplewebauthn_takes_the_options_and_makes_the_answers(device: Device) -> None:
    device.plug_in()
    device.page.add_script_tag(path=BUNDLE)
    device.page.evaluate(SIMPLEWEBAUTHN)
    added = device.add_passkey()
    assert added["kind"] == "passkey"
    assert device.log_in()["access_token"]
