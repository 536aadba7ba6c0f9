"""An authenticator app that others wrote, and the second factors of a user."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp
from sqlalchemy import text

from authapi.db.database import Database
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.clock import TestClock

STEP = 30


@dataclass
class App:
    """An authenticator app that has read the QR code, on a telephone with the test's clock."""

    clock: TestClock
    uri: str
    id: str = ""
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, steps: int = 0) -> str:
        """Return the code that it shows now, or so many steps later."""
        app = pyotp.parse_uri(self.uri)
        assert isinstance(app, pyotp.TOTP)
        return app.at(int(self.clock()) + steps * STEP)

    def next_code(self) -> str:
        """Wait for the next code, and return it: each works once."""
        self.clock.advance(STEP)
        return self.code()


def begin(api: Api, tokens: Tokens, clock: TestClock, **body: Any) -> App:
    """Scan the QR code, and send no code back yet."""
    begun = api.expect(201, "POST", "/me/totp", json=body, headers=tokens.bearer).json()
    return App(clock, begun["otpauth_uri"], begun["id"])


def enrol(api: Api, tokens: Tokens, clock: TestClock, **body: Any) -> App:
    """Add an authenticator app to the account."""
    app = begin(api, tokens, clock, **body)
    sent = {"id": app.id, "code": app.code()}
    answer = api.expect(200, "POST", "/me/totp/confirm", json=sent, headers=tokens.bearer)
    app.recovery_codes = answer.json()["recovery_codes"]
    return app


def with_app(api: Api, clock: TestClock, email: str = EMAIL) -> App:
    """Register a user who has an authenticator app."""
    return enrol(api, api.register_and_login(email), clock)


def first_step(api: Api, email: str = EMAIL, **more: Any) -> dict[str, Any]:
    """Send the right password, and return the answer that asks for a second factor."""
    body = {"email": email, "password": PASSWORD, **more}
    answer: dict[str, Any] = api.expect(400, "POST", "/login", json=body).json()
    assert answer["error"] == "insufficient_authorization"
    return answer


def second_step(api: Api, auth_session: str, **factor: str) -> httpx.Response:
    body = {"auth_session": auth_session, **factor}
    return api.client.post("/login/continue", json=body)


def log_in_with(api: Api, app: App, email: str = EMAIL, **more: Any) -> Tokens:
    """Log in by a password and the app's next code."""
    waiting = first_step(api, email, **more)
    answer = second_step(api, waiting["auth_session"], totp_code=app.next_code())
    assert answer.status_code == 200, answer.text
    return Tokens(answer.json())


def claims(api: Api, tokens: Tokens) -> dict[str, Any]:
    raw: dict[str, Any] = api.app.state.runtime.verifier.verify(tokens.access).raw
    return raw


def execute(db: Database, statement: str) -> None:
    """Change what no route can."""
    with db.begin() as tx:
        tx.execute(text(statement))


def count(db: Database, table: str) -> int:
    with db.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
