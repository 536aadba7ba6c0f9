"""What a browser is asked, and what a passkey proves of its account.

A challenge is spent by its first answer, good or bad: of two at once one is looked at. A bad answer
is InvalidCode, whatever is wrong with it. The id of a credential is random: an unknown one is
refused first, so a stranger has nothing written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authapi.crypto.challenges import LOG_IN, Binding, Challenge, Purpose
from authapi.db import auth_sessions, passkeys, spent_challenges
from authapi.db.database import Database
from authapi.db.passkeys import StoredPasskey
from authapi.errors import InvalidCode, InvalidSession
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.factors.auth_sessions import MOST_FAILURES, digest_of
from authapi.services.factors.passkey_ceremonies import (
    PREFERRED,
    REQUIRED,
    Asserted,
    Credential,
    RelyingParty,
)
from authapi.services.factors.steps import Proof, Proven
from authapi.verifier import Claims


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page hands to `navigator.credentials`, and the challenge's id, which comes back."""

    challenge_id: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as sent, and when. `credential["id"]` is a text."""

    challenge_id: str
    credential: Credential
    at: float


def second_step(auth_session: str) -> Binding:
    """Return what a challenge for /login/continue is bound to."""
    return Binding(Purpose.SECOND_FACTOR, digest_of(auth_session))


def proof_again(sid: str) -> Binding:
    """Return what a challenge for /reauth is bound to: the session that asks."""
    return Binding(Purpose.REAUTHENTICATION, sid)


def ask_anybody(rp: RelyingParty, *, now: float) -> Asked:
    """Ask for any passkey, without a name. The same for everybody, and no query."""
    challenge = rp.challenges.make(LOG_IN, now=now)
    return Asked(challenge.id, rp.request_options(challenge, (), REQUIRED))


def ask_second_step(db: Database, rp: RelyingParty, auth_session: str, *, now: float) -> Asked:
    """Ask for a passkey of the account whose log-in waits. Raises InvalidSession."""
    binding = second_step(auth_session)
    with db.connect() as connection:
        waiting = auth_sessions.find(connection, binding.whom, MOST_FAILURES)
        there = passkeys.list_of_user(connection, waiting.user_id) if waiting else ()
    if waiting is None:
        raise InvalidSession
    return _ask(rp, binding, there, now)


def ask_again(db: Database, rp: RelyingParty, subject: Claims, *, now: float) -> Asked:
    """Ask a user who is logged in for one of the account's passkeys, for POST /reauth."""
    with db.connect() as connection:
        there = passkeys.list_of_user(connection, subject.sub)
    return _ask(rp, proof_again(subject.sid), there, now)


def prove(db: Database, rp: RelyingParty, user_id: str, answer: Answer, binding: Binding) -> Proven:
    """Return what a passkey of this account proves. Raises InvalidSession, InvalidCode.

    With user verification it is two factors. A log-in without a name demands that.
    """
    challenge = read_challenge(rp, answer, binding)
    with db.connect() as connection:
        passkey = passkeys.find(connection, answer.credential["id"])
    if passkey is None or passkey.user_id != user_id:
        raise InvalidCode
    spend(db, challenge)
    is_log_in = binding.purpose is Purpose.LOG_IN
    asserted = rp.read_assertion(challenge, answer.credential, passkey, is_log_in=is_log_in)
    if not _use(db, passkey, asserted):
        raise InvalidCode
    return Proven.by(Proof.PASSKEY, user_verified=asserted.user_verified)


def read_challenge(rp: RelyingParty, answer: Answer, binding: Binding) -> Challenge:
    """Return the challenge that is answered.

    Raises InvalidSession for one that is made up, expired or for something else.
    """
    challenge = rp.challenges.read(answer.challenge_id, binding, now=answer.at)
    if challenge is None:
        raise InvalidSession
    return challenge


def spend(db: Database, challenge: Challenge) -> None:
    """Let nobody answer the challenge again. Raises InvalidSession if somebody has."""
    with db.begin() as tx:
        is_first = spent_challenges.spend(tx, challenge.id, challenge.expires_at)
    if not is_first:
        raise InvalidSession


def _ask(rp: RelyingParty, binding: Binding, there: Sequence[StoredPasskey], now: float) -> Asked:
    challenge = rp.challenges.make(binding, now=now)
    return Asked(challenge.id, rp.request_options(challenge, there, PREFERRED))


def _use(db: Database, passkey: StoredPasskey, asserted: Asserted) -> bool:
    """Note the use. False if the passkey is gone, or was copied: its counter went back."""
    with db.begin() as tx:
        is_used = passkeys.use(
            tx,
            passkey.factor_id,
            asserted.sign_count,
            backed_up=asserted.backed_up,
            user_verified=asserted.user_verified,
        )
        if not is_used and passkeys.find(tx, passkey.credential_id):
            fields = {"user_id": passkey.user_id, "factor_id": passkey.factor_id}
            record(tx, Event(EventType.PASSKEY_COPIED, fields))
    return is_used
