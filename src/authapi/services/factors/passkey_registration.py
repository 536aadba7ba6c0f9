"""A user who is logged in adds a passkey. It needs a fresh log-in, to ask and to answer."""

from dataclasses import dataclass

from authapi.crypto.challenges import Binding, Purpose
from authapi.crypto.ids import new_id
from authapi.db import factors, passkeys
from authapi.db.database import Database, Transaction
from authapi.db.factors import ListedFactor, NewFactor
from authapi.db.passkeys import NewPasskey
from authapi.errors import AlreadyLinked, InvalidCode, InvalidField
from authapi.services.accounts.freshness import require_fresh_login, require_level
from authapi.services.accounts.passwords import Passwords
from authapi.services.accounts.profile import get_profile
from authapi.services.events.catalogue import EventType
from authapi.services.factors.changes import Owner
from authapi.services.factors.passkey_ceremonies import Registered, RelyingParty
from authapi.services.factors.passkeys import Answer, Asked, read_challenge, spend
from authapi.services.factors.steps import Kind
from authapi.verifier import Claims

MOST_PASSKEYS = 50  # of an account


@dataclass(frozen=True, slots=True)
class Registration:
    """A passkey that a user's browser has made. `transports` are space-separated."""

    owner: Owner
    answer: Answer
    name: str | None
    transports: str


def ask_to_register(db: Database, rp: RelyingParty, subject: Claims, *, now: float) -> Asked:
    """Ask for a new passkey. Raises InsufficientUserAuthentication, InvalidToken."""
    require_fresh_login(subject, now=now)
    account = get_profile(db, subject.sub)
    require_level(subject, account)
    with db.connect() as connection:
        there = passkeys.list_of_user(connection, account.id)
    challenge = rp.challenges.make(_binding(account.id), now=now)
    return Asked(challenge.id, rp.creation_options(challenge, account, there))


def add_passkey(
    db: Database, rp: RelyingParty, passwords: Passwords, new: Registration
) -> ListedFactor:
    """Add the passkey, in force at once. A bad answer counts with the failed log-ins.

    Raises InsufficientUserAuthentication, RateLimited, InvalidSession, InvalidCode, AlreadyLinked,
    InvalidField for one too many, InvalidToken.
    """
    require_fresh_login(new.owner.subject, now=new.answer.at)
    registered = _read(db, rp, passwords, new)
    try:
        with db.begin() as tx:
            return _add(tx, new, registered)
    except passkeys.AlreadyTakenError as error:
        raise AlreadyLinked from error


def _binding(user_id: str) -> Binding:
    return Binding(Purpose.REGISTRATION, user_id)


def _read(db: Database, rp: RelyingParty, passwords: Passwords, new: Registration) -> Registered:
    user_id, address = new.owner.subject.sub, new.owner.device.address
    challenge = read_challenge(rp, new.answer, _binding(user_id))
    spend(db, challenge)
    try:
        return rp.read_registration(challenge, new.answer.credential)
    except InvalidCode:
        # Counted when it is bad only. A good one proves nothing of the account: it must not end
        # the row of its failures.
        with passwords.attempt(address) as count_for:
            count_for(user_id, user_id)
            raise


def _add(tx: Transaction, new: Registration, registered: Registered) -> ListedFactor:
    """Write it. What is raised here undoes nothing: nothing is written before."""
    owner = new.owner
    account = owner.lock(tx)
    if len(passkeys.list_of_user(tx, account.id)) >= MOST_PASSKEYS:
        message = f"An account has at most {MOST_PASSKEYS} passkeys. Remove one first"
        raise InvalidField("credential", message, "too_many")
    factor = NewFactor(
        id=new_id(),
        user_id=account.id,
        kind=Kind.PASSKEY,
        name=new.name,
        is_second=True,
        is_in_force=True,
    )
    passkey = NewPasskey(
        factor_id=factor.id,
        credential_id=registered.credential_id,
        public_key=registered.public_key,
        sign_count=registered.sign_count,
        backup_eligible=registered.backup_eligible,
        backed_up=registered.backed_up,
        transports=new.transports,
        user_verified=registered.user_verified,
    )
    stored = factors.add(tx, factor)
    passkeys.add(tx, passkey)
    owner.record(tx, EventType.FACTOR_ADDED, stored)
    owner.after_adding(tx, account, stored)
    listed = factors.list_details(tx, account.id)
    return next(each for each in listed if each.id == stored.id)
