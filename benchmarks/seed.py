"""Fills a database of ours, by authapi's own code: users, sessions, tokens.

A million rows are one INSERT; whatever has a token is written as a log-in writes it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.orm import Session as Transaction

from authapi import clock
from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.crypto.passwords import PasswordHasher
from authapi.crypto.session_ids import new_session_id
from authapi.db import sessions, users
from authapi.db.database import Database, open_database
from authapi.db.models import User
from authapi.db.sessions import LockedSession, NewSession
from authapi.services.keys.ring import Keys
from authapi.services.keys.rotation import new_keys
from authapi.services.operation.start import prepare
from authapi.services.sessions.token_issue import TokenPair, issue_pair, issue_ticket
from benchmarks.ours import SCOPE, Ours

PASSWORD = "correct horse battery staple"  # noqa: S105 - of users that live for one run


@dataclass(frozen=True, slots=True)
class Seed:
    """An opened database with its signing keys."""

    settings: Settings
    db: Database
    keys: Keys

    def users(self, count: int, first: int = 0) -> list[str]:
        """Their ids. `email(number)` is the address of each, PASSWORD everybody's password."""
        settings = self.settings
        hasher = PasswordHasher(settings.hash_memory_kib, settings.hash_time_cost)
        password_hash = hasher.hash(PASSWORD)  # one for all: a thousand would take half a minute
        now = clock.now()
        new = [_user(number, password_hash, now) for number in range(first, first + count)]
        with self.db.begin() as tx:
            for user in new:
                users.add(tx, user)
        return [user.id for user in new]

    def pairs(
        self, user_ids: Sequence[str], count: int, transport: str = "bearer"
    ) -> list[TokenPair]:
        """So many sessions, of the users in turn, and what a log-in hands out for each."""
        made = []
        with self.db.begin() as tx:
            for number in range(count):
                sid, user_id = new_id(), user_ids[number % len(user_ids)]
                made.append(self._add(tx, sid, user_id, transport))
        return [self.pair(session) for session in made]

    def session_ids(self, user_ids: Sequence[str], count: int) -> list[str]:
        """The same for transport `session`: what its cookie holds."""
        tickets = []
        with self.db.begin() as tx:
            for number in range(count):
                session_id = new_session_id(new_id())
                user_id = user_ids[number % len(user_ids)]
                session = self._add(tx, session_id.sid, user_id, "session", session_id.digest)
                tickets.append(issue_ticket(session, session_id))
        return [str(ticket.session_id) for ticket in tickets]

    def access_tokens(self, user_ids: Sequence[str], count: int) -> list[str]:
        """Of as many sessions, which have no rows: nothing that only verifies reads one."""
        with self.db.begin() as tx:
            pattern = self._add(tx, new_id(), user_ids[0], "bearer")
        return [
            self.pair(
                replace(pattern, sid=new_id(), user_id=user_ids[number % len(user_ids)])
            ).access_token
            for number in range(count)
        ]

    def pair(self, session: LockedSession) -> TokenPair:
        return issue_pair(
            session, self.settings, self.keys, refresh_jti=new_id(), parent=session.sid
        )

    def public_key(self) -> str:
        """Of the key that signs, as PEM."""
        private = self.keys.ring.signing_key(clock.now()).private
        pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return bytes(pem).decode()

    def _add(
        self,
        tx: Transaction,
        sid: str,
        user_id: str,
        transport: str,
        secret_digest: str | None = None,
    ) -> LockedSession:
        user = users.find(tx, user_id)
        assert user
        new = NewSession(
            sid=sid,
            user_id=user_id,
            password_hash=user.password_hash,
            transport=transport,
            idle_ttl=self.settings.refresh_idle_ttl,
            session_ttl=self.settings.session_ttl,
            user_agent="benchmark",
            ip="127.0.0.1",
            secret_digest=secret_digest,
        )
        added = sessions.add(tx, new)
        assert added
        return added


@contextmanager
def seeding(ours: Ours) -> Iterator[Seed]:
    """The deployment's database, opened and with a signing key in it."""
    settings = ours.settings
    db, keys = open_database(settings.database_url, clock.now), new_keys(settings)
    try:
        prepare(db, settings, keys.ring)
        yield Seed(settings, db, keys)
    finally:
        db.close()


def email(number: int) -> str:
    return f"user-{number}@example.com"


def _user(number: int, password_hash: str, now: float) -> User:
    return User(
        id=new_id(),
        email=email(number),
        email_canonical=email(number),
        password_hash=password_hash,
        scopes=SCOPE,
        created_at=now,
    )
