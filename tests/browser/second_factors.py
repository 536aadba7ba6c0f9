"""An authenticator app, and a telephone that has passkeys (Chromium's virtual authenticator)."""

from dataclasses import dataclass, field
from time import time

import pyotp
from playwright.sync_api import CDPSession, Page, Route

STEP = 30
TELEPHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class AuthenticatorApp:
    """It shows no code twice: the server takes the code of the next 30 seconds too.

    A third code within 30 seconds is refused.
    """

    secret: str = field(repr=False)
    last_step: int = 0

    def code(self) -> str:
        self.last_step = max(int(time()) // STEP, self.last_step + 1)
        return pyotp.TOTP(self.secret.replace(" ", "")).at(self.last_step * STEP)


class Telephone:
    """A tab's authenticator for passkeys. The finger is on it, or not.

    It looks for a finger once: when the browser asks it. That moment can't be seen from outside.
    A finger that comes while a page makes an offer is on time, or late, as the machine goes.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {"options": TELEPHONE}
        added = self._session.send("WebAuthn.addVirtualAuthenticator", options)
        self._id = str(added["authenticatorId"])

    def touch(self, *, is_touched: bool = True) -> None:
        state = {"authenticatorId": self._id, "enabled": is_touched}
        self._session.send("WebAuthn.setAutomaticPresenceSimulation", state)

    def touch_before_the_next_request(self) -> None:
        """Touch it when the page has dropped its offer, and has no new challenge yet."""

        def answered(route: Route) -> None:
            self.touch()
            route.continue_()

        self._page.route("**/login/passkey/options", answered, times=1)

    def passkeys(self) -> int:
        found = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return len(found["credentials"])
