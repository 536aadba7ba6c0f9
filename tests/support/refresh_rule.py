"""The refresh rule without HTTP: log in, present refresh tokens, look at the session's row."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import event

from authapi.config import Settings
from authapi.crypto.refresh_tokens import RefreshClaims
from authapi.db import sessions
from authapi.db.models import Carrier, RevokedReason, Transport
from authapi.db.sessions import StoredSession
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import hash_here
from authapi.services.accounts.registration import NewUser, add_user
from authapi.services.operation.start import prepare
from authapi.services.sessions.login import LoginAttempt, log_in
from authapi.services.sessions.refresh_rotation import present, rotate_refresh_token
from authapi.services.sessions.token_issue import TokenIssuer, TokenPair
from authapi.web.runtime import Runtime
from tests.support.application import application
from tests.support.clock import TestClock
from tests.support.settings import NO_LIMITS, settings_for

EMAIL = "grace@example.com"
PASSWORD = "a very long password of Grace's"


def new_key() -> str:
    return secrets.token_urlsafe(16)


@dataclass
class RefreshRule:
    """What the routes do for the refresh tokens of a transport."""

    runtime: Runtime
    transport: str
    other_settings: Settings | None = None
    email: str = EMAIL
    password: str = PASSWORD

    @property
    def tokens(self) -> TokenIssuer:
        tokens = self.runtime.tokens
        return replace(tokens, settings=self.other_settings) if self.other_settings else tokens

    @property
    def carrier(self) -> Carrier:
        return Transport(self.transport).carrier

    def register(self) -> None:
        wanted = NewUser(email=self.email, password=self.password)
        add_user(self.runtime.db, self.runtime.passwords.hasher, wanted, self.runtime.usernames)

    def log_in(self) -> TokenPair:
        """Open a session of the transport, for the user that `register` has made."""
        runtime, transport = self.runtime, Transport(self.transport)
        attempt = LoginAttempt(self.email, None, self.password, transport)
        device = Device("192.0.2.1", None)
        use_case = log_in(runtime.db, runtime.passwords, self.tokens, attempt, device)
        pair = hash_here(use_case)
        assert isinstance(pair, TokenPair)
        return pair

    def present(
        self, token: str, key: str | None = None, carrier: Carrier | None = None
    ) -> TokenPair:
        """Return the next pair. Raises InvalidGrant or BadRequest."""
        presented = present(self.tokens, token, carrier or self.carrier, key)
        return rotate_refresh_token(self.runtime.db, self.runtime.limits, presented)

    def claims(self, token: str) -> RefreshClaims:
        return self.runtime.tokens.keys.refresh_tokens.verify(token)

    def row(self, sid: str) -> StoredSession:
        with self.runtime.db.connect() as connection:
            row = sessions.find(connection, sid)
        assert row is not None
        return row

    def is_revoked(self, sid: str) -> bool:
        row = self.row(sid)
        return row.is_stopped or row.revoked_at is not None

    def revoke(self, sid: str) -> None:
        with self.runtime.db.begin() as tx:
            sessions.revoke(tx, sid, RevokedReason.LOGOUT)


@contextmanager
def quick_runtime(path: Path, clock: TestClock, **overrides: object) -> Iterator[Runtime]:
    """Yield a runtime on a migrated SQLite file, with a user, for thousands of refreshes.

    What it writes need not survive a power cut.
    """
    chosen = settings_for(
        f"sqlite:///{path}",
        **{"access_token_ttl": 60, "key_rotation_days": 0, **NO_LIMITS, **overrides},
    )
    with application(chosen, clock) as app:
        runtime: Runtime = app.state.runtime
        event.listen(runtime.db.engine, "connect", _hurry)
        prepare(runtime.db, runtime.settings, runtime.tokens.keys.ring)
        RefreshRule(runtime, "bearer").register()
        yield runtime


def _hurry(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")
