"""Identities: accounts at other providers, by which a user logs in.

| a good ID token names                           | POST /login/id-token | POST /me/identities |
| ----------------------------------------------- | -------------------- | ------------------- |
| an identity that is linked to an account        | that account         | the factor, if it   |
|                                                 |                      | is one's own; else  |
|                                                 |                      | AlreadyLinked       |
| another one, with an address that the provider  | EmailNotVerified     | it is linked        |
| has not verified, or that no account can have   |                      |                     |
| another one, with the address of an account     | AlreadyRegistered    | it is linked        |
| another one, and registration is closed         | RegistrationClosed   | it is linked        |
| any other                                       | a new account        | it is linked        |

A provider's word about an address begins an account, and never opens one that is there. An account
has at most MOST_IDENTITIES.
"""

from contextlib import suppress
from functools import partial

from authapi.crypto.ids import new_id
from authapi.db import factors, identities, users
from authapi.db.database import Transaction
from authapi.db.factors import ListedFactor, NewFactor, StoredFactor
from authapi.db.identities import AlreadyLinkedError
from authapi.db.users import Account, AlreadyTakenError
from authapi.errors import (
    AlreadyLinked,
    AlreadyRegistered,
    InvalidCredentials,
    InvalidField,
    InvalidToken,
)
from authapi.logs import log
from authapi.services.accounts.devices import Device
from authapi.services.accounts.freshness import require_fresh_login
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.proven_registration import register_proven
from authapi.services.accounts.registration import Registrar
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.factors.changes import Owner
from authapi.services.factors.id_tokens import IdToken, Person
from authapi.services.factors.providers import Providers
from authapi.services.factors.recovery_codes import of_kind
from authapi.services.factors.steps import Kind
from authapi.verifier import InvalidTokenError

MOST_IDENTITIES = 20  # of an account


def prove_identity(providers: Providers, sent: IdToken, address: str) -> Hashing[Person]:
    """Return the person of an ID token. Raises InvalidCredentials; the log has the reason.

    Also InvalidField for an unknown provider, and Unavailable.
    """
    try:
        return (yield from providers.identify(sent))
    except InvalidTokenError as refusal:
        log.info("id_token_refused", provider=sent.provider, reason=refusal.reason, ip=address)
        raise InvalidCredentials from None


def find_or_register(here: Registrar, person: Person, device: Device) -> tuple[Account, str]:
    """Return the identity's account, a new one if it has none, and the factor's id.

    Raises what the table above names, and RateLimited.
    """
    owner = _find_owner(here, person)
    if owner is None:
        # Or somebody is faster, at any moment: perhaps this person, with another request.
        with suppress(AlreadyTakenError, AlreadyLinkedError, AlreadyRegistered):
            begin = partial(_begin, person=person, device=device)
            register_proven(here, person.verified_email, device, begin)
        owner = _find_owner(here, person)
    if owner is None:
        raise AlreadyRegistered
    return owner


def _find_owner(here: Registrar, person: Person) -> tuple[Account, str] | None:
    with here.db.connect() as connection:
        factor = identities.find(connection, person.issuer, person.subject)
        account = factor and users.find(connection, factor.user_id)
        # Again, after the account's version: a reset between the two has removed it.
        still = identities.find(connection, person.issuer, person.subject)
    return (account, still.id) if account and still and still.user_id == account.id else None


def _begin(tx: Transaction, account: Account, *, person: Person, device: Device) -> None:
    factor = _add(tx, account, person)
    fields = {"user_id": account.id, "ip": device.address, "user_agent": device.user_agent}
    told = {"factor_id": factor.id, "kind": factor.kind}
    record(tx, Event(EventType.FACTOR_ADDED, {**fields, **told}))


def link_identity(
    here: Registrar, providers: Providers, owner: Owner, sent: IdToken, *, now: float
) -> Hashing[ListedFactor]:
    """Link an identity to the account, and return it. Again is no error, and has no effect.

    Raises InsufficientUserAuthentication, AlreadyLinked, RateLimited, InvalidToken, InvalidField
    for one too many, and what `prove_identity` raises.
    """
    require_fresh_login(owner.subject, now=now)  # before the provider is asked
    with here.passwords.attempt(owner.device.address):
        person = yield from prove_identity(providers, sent, owner.device.address)
    with here.db.connect() as connection:
        factor = identities.find(connection, person.issuer, person.subject)
    if factor is None:
        here.passwords.limits.count_registration(owner.device.address)
        # Or somebody is faster: perhaps this person, with another request.
        with suppress(AlreadyLinkedError), here.db.begin() as tx:
            _link(tx, owner, person)
    return _get_own(here, owner, person)


def _link(tx: Transaction, owner: Owner, person: Person) -> None:
    account = owner.lock(tx)
    if len(of_kind(factors.list_in_force(tx, account.id), Kind.IDENTITY)) >= MOST_IDENTITIES:
        message = f"An account has at most {MOST_IDENTITIES} identities. Remove one first"
        raise InvalidField("id_token", message, "too_many")
    factor = _add(tx, account, person)
    owner.record(tx, EventType.FACTOR_ADDED, factor)
    owner.after_adding(tx, account, factor)


def _get_own(here: Registrar, owner: Owner, person: Person) -> ListedFactor:
    """Return the identity. Raises AlreadyLinked if it is another account's."""
    with here.db.connect() as connection:
        factor = identities.find(connection, person.issuer, person.subject)
        own = factors.list_details(connection, owner.subject.sub)
    if factor is None:
        raise InvalidToken  # it was linked, and removed meanwhile; or the account was
    for each in own:
        if each.id == factor.id:
            return each
    raise AlreadyLinked


def _add(tx: Transaction, account: Account, person: Person) -> StoredFactor:
    new = NewFactor(
        id=new_id(),
        user_id=account.id,
        kind=Kind.IDENTITY,
        name=None,
        is_second=False,
        is_in_force=True,
    )
    factor = factors.add(tx, new)
    identities.add(tx, new.id, person.provider, person.issuer, person.subject)
    return factor
