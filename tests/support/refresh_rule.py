"""The refresh rule without HTTP: a session of any transport, presented tokens, its row."""

import secrets
from dataclasses import dataclass

from authapi.config import Settings
from authapi.crypto.refresh_tokens import RefreshClaims
from authapi.db import sessions
from authapi.db.models import Session
from authapi.services.accounts.registration import NewUser, add_user
from authapi.services.sessions.login import Device, LoginAttempt, log_in
from authapi.services.sessions.refresh_rotation import BODY, COOKIE, rotate_refresh_token
from authapi.services.sessions.token_issue import TokenPair
from authapi.web.runtime import Runtime

EMAIL = "grace@example.com"
PASSWORD = "a very long password of Grace's"


def new_key() -> str:
    return secrets.token_urlsafe(16)


@dataclass
class RefreshRule:
    """What the routes do, for the place that refresh tokens of `transport` come from."""

    runtime: Runtime
    transport: str
    other_settings: Settings | None = None
    email: str = EMAIL
    password: str = PASSWORD

    @property
    def settings(self) -> Settings:
        return self.other_settings or self.runtime.settings

    @property
    def place(self) -> tuple[str, str]:
        return BODY if self.transport == "bearer" else COOKIE

    def register(self) -> None:
        runtime, wanted = self.runtime, NewUser(email=self.email, password=self.password)
        add_user(runtime.db, runtime.hasher, wanted, now=runtime.clock())

    def log_in(self) -> TokenPair:
        """A new session of the transport; the user is `register`ed once."""
        runtime, attempt = (
            self.runtime,
            LoginAttempt(self.email, None, self.password, self.transport),
        )
        pair = log_in(
            runtime.db,
            self.settings,
            runtime.keys,
            runtime.hasher,
            runtime.limits,
            runtime.revocations,
            attempt,
            Device("192.0.2.1", None),
        )
        assert isinstance(pair, TokenPair)
        return pair

    def present(
        self, token: str, key: str | None = None, place: tuple[str, str] | None = None
    ) -> TokenPair:
        """Raises InvalidGrant or BadRequest."""
        runtime = self.runtime
        return rotate_refresh_token(
            runtime.db,
            self.settings,
            runtime.keys,
            runtime.limits,
            runtime.revocations,
            token,
            place or self.place,
            key,
        )

    def claims(self, token: str) -> RefreshClaims:
        return self.runtime.keys.refresh_tokens.verify(token)

    def row(self, sid: str) -> Session:
        with self.runtime.db.autocommit() as tx:
            row = sessions.find(tx, sid)
        assert row is not None
        return row

    def is_revoked(self, sid: str) -> bool:
        return self.row(sid).revoked_at is not None

    def revoke(self, sid: str) -> None:
        with self.runtime.db.begin() as tx:
            sessions.revoke(tx, sid, "logout")
