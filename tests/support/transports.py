"""A client of each transport. Only this file knows which credential goes where.

transport   sends
bearer      the Authorization header; the refresh token in a body
hybrid      the Authorization header; the refresh cookie with the CSRF token
cookie      two cookies with the CSRF token
session     one cookie with the CSRF token
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from authapi.db import sessions
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.cookies import Jar

TRANSPORTS = ("bearer", "hybrid", "cookie", "session")
COOKIE_TRANSPORTS = TRANSPORTS[1:]
REFRESHING = TRANSPORTS[:-1]


@dataclass
class Holder:
    """What a client holds of one session. `answer` is the last one that gave it something."""

    api: Api
    transport: str
    jar: Jar = field(default_factory=Jar)
    body: dict[str, Any] = field(default_factory=dict)
    csrf_token: str | None = None
    answer: httpx.Response = field(init=False)

    def log_in(self, email: str = EMAIL, password: str = PASSWORD, **more: object) -> "Holder":
        """Open a session. A browser sends along what it holds of another one, and so does this."""
        given = {"email": email, "password": password, "transport": self.transport, **more}
        self.take(self.send("POST", "/login", json=given))
        return self

    def take(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        self.answer, self.body = answer, answer.json()
        self.csrf_token = self.body.get("csrf_token")
        self.jar.take(answer)

    @property
    def sid(self) -> str:
        return str(self.body["session_id"])

    @property
    def headers(self) -> dict[str, str]:
        """Return its credentials, with the CSRF token that cookies need."""
        headers = self.jar.header
        if "access_token" in self.body:
            headers["Authorization"] = f"Bearer {self.body['access_token']}"
        if self.csrf_token:
            headers["X-CSRF-Token"] = self.csrf_token
        return headers

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = self.headers | more.pop("headers", {})
        return self.api.client.request(method, path, headers=headers, **more)

    def status(self, method: str, path: str, **more: Any) -> int:
        return self.send(method, path, **more).status_code

    def is_in(self) -> bool:
        """Return whether /verify, and a route that asks the database, accept its credential."""
        statuses = {self.status("GET", "/verify"), self.status("GET", "/me")}
        assert statuses in ({204, 200}, {401}), statuses
        return statuses != {401}

    def refresh(self, key: str | None = None) -> httpx.Response:
        """Refresh, and keep nothing of the answer."""
        headers = {"Idempotency-Key": key} if key else {}
        token = self.body.get("refresh_token")
        sent = {"json": {"refresh_token": token}} if token else {}
        return self.send("POST", "/refresh", headers=headers, **sent)

    def refreshed(self) -> "Holder":
        self.take(self.refresh(secrets.token_urlsafe(16)))
        return self

    def use(self) -> bool:
        """Restart the idle time, by a refresh or any request; return whether that worked."""
        if self.transport == "session":
            return self.is_in()
        answer = self.refresh(secrets.token_urlsafe(16))
        if answer.status_code == 200:
            self.take(answer)
        return answer.status_code == 200 and self.is_in()

    def is_revoked(self) -> bool:
        with self.api.app.state.runtime.db.connect() as connection:
            row = sessions.find(connection, self.sid)
        return row is None or row.revoked_at is not None

    def log_out(self) -> httpx.Response:
        """Log out with all that it holds."""
        return self.send("POST", "/logout")

    def copy(self) -> "Holder":
        """Return a copy: a thief's, or that of a second tab which has not heard yet."""
        other = Holder(self.api, self.transport, Jar(self.jar), dict(self.body), self.csrf_token)
        other.answer = self.answer
        return other
