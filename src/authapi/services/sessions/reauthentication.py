"""A user who is logged in proves the password again, for what needs a fresh log-in (RFC 9470).

A new session takes the place of the old one, whose copies are worth nothing then. In transport
`session` the id changes: a rise of privilege must not go to an id that somebody else knows.
"""

from dataclasses import dataclass, field

from authapi.db import sessions
from authapi.db.database import Database
from authapi.db.models import RevokedReason, Transport
from authapi.db.sessions import StoredSession
from authapi.errors import InvalidToken
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.passwords import Passwords, lock_proven, require_password
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.sessions.opening import Opening, add_session, issue
from authapi.services.sessions.token_issue import SessionTicket, TokenIssuer, TokenPair
from authapi.verifier import Claims


@dataclass(frozen=True, slots=True)
class Proof:
    """The password as typed, who asks, and from where."""

    password: str = field(repr=False)
    subject: Claims
    device: Device


def reauthenticate(
    db: Database, passwords: Passwords, tokens: TokenIssuer, proof: Proof
) -> Hashing[TokenPair | SessionTicket]:
    """Return the tokens of a new session in the transport of the subject's, which is revoked.

    Raises what `require_password` raises, and InvalidToken if the old session has ended meanwhile.
    """
    user_id, replaced, address = proof.subject.sub, proof.subject.sid, proof.device.address
    account = yield from require_password(db, passwords, user_id, proof.password, address)
    old = _session(db, replaced)
    transport = Transport(old.transport)
    opening = Opening(account, transport, proof.device, remember=old.remember)
    reason = RevokedReason.REAUTHENTICATED
    with db.begin() as tx:
        lock_proven(tx, account)
        # Of two proofs at once one finds the session in force, and the other is refused.
        is_replaced = sessions.revoke_own(tx, user_id, replaced, reason)
        opened = add_session(tx, tokens, opening) if is_replaced else None
        if opened is None:
            raise InvalidToken  # and nothing is done
        fields = {"user_id": user_id, "sid": opened.session.sid, "replaced": replaced}
        record(tx, Event(EventType.REAUTHENTICATED, {**fields, "ip": address}))
    return issue(tokens, opening, opened)


def _session(db: Database, sid: str) -> StoredSession:
    with db.connect() as connection:
        session = sessions.find(connection, sid)
    if session is None:
        raise InvalidToken
    return session
