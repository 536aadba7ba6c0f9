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
from authapi.web.runtime import Parts

EMAIL = "grace@example.com"
PASSWORD = "a very long password of Grace's"


def new_key() -> str:
    return secrets.token_urlsafe(16)


@dataclass
class RefreshRule:
    """What the routes do, for the place that refresh tokens of `transport` come from."""

    parts: Parts
    transport: str
    other_settings: Settings | None = None
    email: str = EMAIL
    password: str = PASSWORD

    @property
    def settings(self) -> Settings:
        return self.other_settings or self.parts.settings

    @property
    def place(self) -> tuple[str, str]:
        return BODY if self.transport == "bearer" else COOKIE

    def register(self) -> None:
        parts, wanted = self.parts, NewUser(email=self.email, password=self.password)
        add_user(parts.db, parts.hasher, wanted, now=parts.clock())

    def log_in(self) -> TokenPair:
        """A new session of the transport; the user is `register`ed once."""
        parts, attempt = self.parts, LoginAttempt(self.email, None, self.password, self.transport)
        pair = log_in(
            parts.db,
            self.settings,
            parts.keys,
            parts.hasher,
            parts.limits,
            parts.revocations,
            attempt,
            Device("192.0.2.1", None),
        )
        assert isinstance(pair, TokenPair)
        return pair

    def present(
        self, token: str, key: str | None = None, place: tuple[str, str] | None = None
    ) -> TokenPair:
        """Raises InvalidGrant or BadRequest."""
        parts = self.parts
        return rotate_refresh_token(
            parts.db,
            self.settings,
            parts.keys,
            parts.limits,
            parts.revocations,
            token,
            place or self.place,
            key,
        )

    def claims(self, token: str) -> RefreshClaims:
        return self.parts.keys.refresh_tokens.verify(token)

    def row(self, sid: str) -> Session:
        with self.parts.db.autocommit() as tx:
            row = sessions.find(tx, sid)
        assert row is not None
        return row

    def is_revoked(self, sid: str) -> bool:
        return self.row(sid).revoked_at is not None

    def revoke(self, sid: str) -> None:
        with self.parts.db.begin() as tx:
            sessions.revoke(tx, sid, "logout")
