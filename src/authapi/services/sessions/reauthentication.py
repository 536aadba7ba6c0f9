"""A user who is logged in proves a factor again, for what needs a fresh log-in (RFC 9470).

A new session takes the place of the old one, whose copies are worth nothing then. In transport
`session` the id changes: a rise of privilege must not go to an id that somebody else knows. What
the old session had proven at its log-in counts, if that was at most ten minutes ago.

| second factor | proven now | what counts of before   | then                                      |
| ------------- | ---------- | ----------------------- | ----------------------------------------- |
| none          | password   |                         | a session, `aal1`                         |
| there         | password   | a second factor         | a session, `aal2`                         |
| there         | password   | none                    | a factor is asked: see `continuation`. The|
|               |            |                         | old session ends when it comes            |
| there         | a code     | a password, an ID token | a session, `aal2`                         |
| there         | a code     | neither                 | a session, `aal1`                         |
"""

from dataclasses import dataclass, field

from authapi.db import sessions
from authapi.db.database import Database
from authapi.db.models import RevokedReason
from authapi.db.users import Account
from authapi.errors import InvalidToken
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.passwords import Passwords, lock_proven, require_right
from authapi.services.accounts.profile import get_profile
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.factors.proving import prove
from authapi.services.factors.sent import SentFactor
from authapi.services.factors.steps import BY_PASSWORD, Proven
from authapi.services.sessions.before import read_session
from authapi.services.sessions.opening import Opening, add_session, issue, require_verified
from authapi.services.sessions.second_step import await_second_factor
from authapi.services.sessions.token_issue import SessionTicket, TokenIssuer, TokenPair
from authapi.verifier import Claims


@dataclass(frozen=True, slots=True)
class Proof:
    """The password as typed or another factor, who asks, and from where."""

    proof: str | SentFactor = field(repr=False)
    subject: Claims
    device: Device


def reauthenticate(
    db: Database, passwords: Passwords, tokens: TokenIssuer, proof: Proof
) -> Hashing[TokenPair | SessionTicket]:
    """Return the tokens of a new session in the transport of the subject's, which is revoked.

    Raises WrongPassword, InvalidCode, RateLimited, InsufficientAuthorization, EmailNotVerified, and
    InvalidToken if the account is gone or the old session has ended meanwhile.
    """
    with passwords.attempt(proof.device.address) as count_for:
        account = get_profile(db, proof.subject.sub)
        before = read_session(db, proof.subject.sid)
        count_for(account.id, account.email)
        proven = yield from _prove(db, passwords, tokens, account, proof)
        opening = Opening(
            account,
            before.transport,
            proof.device,
            proven=proven.after(before.proven),
            remember=before.remember,
        )
        if opening.needs_second_factor:
            await_second_factor(db, tokens, opening, replaces=before.sid)
            raise InvalidToken
        return take_place(db, tokens, opening, before.sid)


def _prove(
    db: Database, passwords: Passwords, tokens: TokenIssuer, account: Account, proof: Proof
) -> Hashing[Proven]:
    address = proof.device.address
    sent = proof.proof
    if isinstance(sent, SentFactor):
        with passwords.code_attempt(account.id, address, is_guessable=sent.is_guessable):
            return prove(db, tokens.settings, account, sent, address)
    yield from require_right(passwords, account, sent, address)
    return BY_PASSWORD


def take_place(
    db: Database, tokens: TokenIssuer, opening: Opening, replaced: str
) -> TokenPair | SessionTicket:
    """Open a session, revoke the one that it replaces, and return the tokens.

    Raises InvalidToken if that session has ended, or the account has changed since the proof;
    EmailNotVerified.
    """
    user_id = opening.account.id
    with db.begin() as tx:
        account = lock_proven(tx, opening.account, replaced)
        require_verified(tokens, account)  # nothing is written yet
        # Of two proofs at once one finds the session in force, and the other is refused.
        is_replaced = sessions.revoke_own(tx, user_id, replaced, RevokedReason.REAUTHENTICATED)
        opened = add_session(tx, tokens, opening) if is_replaced else None
        if opened is None:
            raise InvalidToken  # and nothing is done
        for sid in sorted({*opening.came_with} - {replaced}):
            sessions.revoke(tx, sid, RevokedReason.NEW_LOGIN)
        fields = {"user_id": user_id, "sid": opened.session.sid, "replaced": replaced}
        record(tx, Event(EventType.REAUTHENTICATED, {**fields, "ip": opening.device.address}))
    return issue(tokens, opening, opened)
