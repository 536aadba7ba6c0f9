"""Fills a database of ours: users and sessions by SQL, tokens by authapi's own signatures.

Users and sessions have numbers, and their ids are digests of these: a million rows are one INSERT,
and a token needs no look-up. Nothing else in benchmarks/ knows how authapi works inside.
"""

import hashlib
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authapi import clock
from authapi.crypto.ids import new_id
from authapi.crypto.mail_secrets import MailSecrets
from authapi.crypto.passwords import PasswordHasher
from authapi.crypto.refresh_tokens import RefreshClaims
from authapi.db.database import open_database
from authapi.services.keys.rotation import new_keys
from authapi.services.operation.start import prepare
from authapi.services.sessions.token_issue import ACCESS_TOKEN_TYPE, CLIENT_ID
from benchmarks.harness.load import bearer
from benchmarks.harness.postgresql import execute
from benchmarks.ours import Ours

FEW = 100  # sessions that change nothing for the planner
PASSWORD = "correct horse battery staple"  # noqa: S105 - of users that live for one run
SCOPE = "reports:read"
NOW = "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
INSERT_USERS = f"""
INSERT INTO users (id, email, email_canonical, password_hash, scopes, created_at)
SELECT left(md5('user ' || number), 22), email, email,
  (CAST(%(hashes)s AS text[]))[1 + number %% %(kinds)s], '{SCOPE}', {NOW}
FROM (SELECT number, 'user-' || number || '@example.com' AS email
  FROM generate_series(0, %(count)s - 1) AS number) AS numbered
"""  # noqa: S608 - nothing in it comes from outside
# Revoked sessions ended over most of the hour that a process remembers. Ended ones are old: every
# other one was revoked, and the rest ran out.
INSERT_SESSIONS = f"""
INSERT INTO sessions (sid, user_id, transport, scopes, created_at, last_used_at, expires_at,
  ends_at, revoked_at, revoked_reason, last_exchanged, exchanged_at, exchanged_before,
  exchange_keys, user_agent, ip, secret_digest)
SELECT sid, left(md5('user ' || number %% %(users)s), 22), %(transport)s, '{SCOPE}', now, now,
  now + CASE WHEN %(ended)s AND number %% 2 = 0 THEN -10000 ELSE 604800 END, now + 2592000,
  CASE WHEN %(revoked)s THEN now - 3000.0 * (number - %(first)s) / %(count)s
    WHEN %(ended)s AND number %% 2 = 1 THEN now - 10000 END,
  CASE WHEN %(revoked)s OR %(ended)s AND number %% 2 = 1 THEN 'logout' END,
  sid, now, '', '', 'benchmark', '127.0.0.1',
  CASE %(transport)s
    WHEN 'session' THEN encode(sha256(decode(left(sid || sid, 43), 'escape')), 'hex') END
FROM (SELECT number, left(md5(CAST(number AS text)), 22) AS sid, {NOW} AS now
  FROM generate_series(%(first)s, %(first)s + %(count)s - 1) AS number) AS numbered
"""  # noqa: S608 - nothing in it comes from outside


INSERT_EVENTS = f"""
INSERT INTO events (id, type, at, user_id, details)
SELECT left(md5('event ' || number), 22), 'login_succeeded', {NOW},
  left(md5('user ' || number %% %(users)s), 22), '{{}}'
FROM generate_series(1, %(count)s) AS number
"""  # noqa: S608 - nothing in it comes from outside
INSERT_LINK = f"""
INSERT INTO links (id, user_id, purpose, email, email_canonical, created_at, expires_at)
VALUES (%(id)s, %(user)s, %(purpose)s, %(email)s, %(email)s, {NOW}, {NOW} + 600)
"""  # noqa: S608 - nothing in it comes from outside


class Seed:
    """The database of a deployment, with a signing key in it."""

    def __init__(self, ours: Ours, users: int, hashes: Sequence[str] = ()) -> None:
        """Make so many users; `email(number)` is the address of each, PASSWORD its password.

        `hashes` of that password are theirs in turn; by default all have one, of the settings.
        """
        self._settings, self._url = ours.settings, ours.database_url
        db, keys = open_database(self._settings.database_url, clock.now), new_keys(self._settings)
        try:
            prepare(db, self._settings, keys.ring)
        finally:
            db.close()
        self._key = keys.ring.signing_key(clock.now())
        self._refresh_tokens = keys.refresh_tokens
        self._users, self._next_session = users, 1
        hasher = PasswordHasher(self._settings.hash_memory_kib, self._settings.hash_time_cost)
        # One hash for all: a thousand would take half a minute.
        given = list(hashes) or [hasher.hash(PASSWORD)]
        values: dict[str, object] = {"count": users, "hashes": given, "kinds": len(given)}
        execute(self._url, INSERT_USERS, values)
        execute(self._url, "VACUUM ANALYZE users")

    def sessions(
        self, count: int, transport: str = "bearer", *, revoked: bool = False, ended: bool = False
    ) -> range:
        """Make so many sessions, of the users in turn, and return their numbers."""
        first = self._next_session
        self._next_session += count
        values = {"first": first, "count": count, "users": self._users}
        kinds = {"transport": transport, "revoked": revoked, "ended": ended}
        execute(self._url, INSERT_SESSIONS, {**values, **kinds})
        if count > FEW:
            execute(self._url, "VACUUM ANALYZE sessions")
        return range(first, first + count)

    def bearers(self, count: int, transport: str = "bearer") -> list[str]:
        """Make so many sessions and return an Authorization header for each."""
        return [bearer(self.access_token(number)) for number in self.sessions(count, transport)]

    def events(self, count: int) -> None:
        """Make so many events, of the users in turn."""
        execute(self._url, INSERT_EVENTS, {"count": count, "users": self._users})
        execute(self._url, "VACUUM ANALYZE events")

    def user_of(self, session: int) -> int:
        return session % self._users

    def link(self, user: int, purpose: str) -> str:
        """Make the link of a mail that is already sent, and return its token."""
        mail = new_id()
        values: dict[str, object] = {"id": mail, "user": user_id(user), "purpose": purpose}
        execute(self._url, INSERT_LINK, {**values, "email": email(user)})
        return MailSecrets(self._settings.secrets).token(mail)

    def access_token(self, session: int, scope: str = SCOPE) -> str:
        """Sign for a session, whether it has a row or not: who only verifies reads none."""
        now = int(clock.now())
        claims = {
            "iss": self._settings.public_url,
            "sub": user_id(self.user_of(session)),
            "aud": self._settings.audience,
            "exp": now + self._settings.access_token_ttl,
            "iat": now,
            "jti": new_id(),
            "client_id": CLIENT_ID,
            "sid": session_id(session),
            "auth_time": now,
            "scope": scope,
        }
        return self._key.sign(claims, ACCESS_TOKEN_TYPE)

    def refresh_tokens(self, sessions: Iterable[int]) -> list[str]:
        """Sign the first refresh token of each session."""
        now = int(clock.now())
        return [
            self._refresh_tokens.sign(RefreshClaims(sid, sid, sid, now, now + 604800))
            for sid in map(session_id, sessions)
        ]

    def public_key(self) -> dict[str, str]:
        """Return the environment of a rival that verifies our tokens."""
        public = self._key.private.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {
            "JWT_PUBLIC_KEY": bytes(pem).decode(),
            "JWT_ISSUER": self._settings.public_url,
            "JWT_AUDIENCE": self._settings.audience,
        }


def session_cookie(session: int) -> str:
    """Return the cookie of a session of transport `session`; its secret is its sid twice."""
    sid = session_id(session)
    return f"Cookie: authapi-session={sid}.{(sid + sid)[:43]}"


def session_id(session: int) -> str:
    return _id(str(session))


def user_id(user: int) -> str:
    return _id(f"user {user}")


def email(user: int) -> str:
    return f"user-{user}@example.com"


def _id(name: str) -> str:
    # In no order, like real ones. PostgreSQL's md5() says the same.
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:22]
