"""The parts of one server process, without a server or threads. It polls when a test says so."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from authapi.clock import Clock
from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.db.clock import read_clock
from authapi.db.database import Database, open_database
from authapi.db.sessions import LockedSession
from authapi.services.keys.ring import Keys
from authapi.services.keys.rotation import new_keys
from authapi.services.operation.start import prepare
from authapi.services.revocation.feed import RevocationFeed
from authapi.services.revocation.poll import RevocationPoll
from authapi.services.sessions.token_issue import TokenIssuer
from authapi.verifier import InvalidTokenError, Verifier

DAY = 86400


@dataclass
class Process:
    settings: Settings
    db: Database
    keys: Keys
    feed: RevocationFeed
    poller: RevocationPoll
    verifier: Verifier

    @classmethod
    def assembled(cls, settings: Settings, database_clock: Clock, own_clock: Clock) -> Self:
        """Return a process whose own clock may be wrong, while SQLite has `database_clock`."""
        keys, feed = new_keys(settings), RevocationFeed(settings, own_clock)
        poller = RevocationPoll(settings, keys.ring, feed, own_clock)
        db = poller.db = open_database(settings.database_url, database_clock)
        verifier = Verifier(
            issuer=settings.public_url,
            audience=settings.audience,
            jwks=keys.ring,
            revocations=feed,
            clock=own_clock,
        )
        return cls(settings, db, keys, feed, poller, verifier)

    def start(self) -> None:
        """Do what a server does before its first answer."""
        prepare(self.db, self.settings, self.keys.ring)
        self.poll()

    def poll(self) -> None:
        self.poller.poll()

    def refusal(self, token: str) -> str | None:
        """Return why it refuses the access token, or None. Raises VerifierNotReadyError."""
        try:
            self.verifier.verify(token)
        except InvalidTokenError as error:
            return error.reason
        return None

    def accepts(self, token: str) -> bool:
        return self.refusal(token) is None

    def mint(self, sid: str = "a-session") -> str:
        """Return an access token, as the process would issue it for a session that it locks now."""
        with self.db.connect() as connection:
            now = read_clock(connection)
        session = LockedSession(
            sid=sid,
            user_id="a-user",
            transport="bearer",
            scopes="",
            created_at=now,
            exchanged_at=now,
            expires_at=now + DAY,
            ends_at=now + DAY,
            tokens_from=None,
            remember=True,
            amr="pwd",
            now=now,
        )
        tokens = TokenIssuer(self.settings, self.keys)
        return tokens.issue_pair(session, refresh_jti=new_id(), parent=sid).access_token

    def signs_with(self) -> str:
        """Return the kid of the key that it signs with now."""
        with self.db.connect() as connection:
            now = read_clock(connection)
        return self.keys.ring.signing_key(now).kid

    def publishes(self) -> set[str]:
        return {key.kid for key in self.keys.ring.published()}

    def close(self) -> None:
        self.poller.stop()


StartProcess = Callable[..., Process]
