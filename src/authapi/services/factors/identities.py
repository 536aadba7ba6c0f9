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

A provider's word about an address begins an account, and never opens one that is there.
"""

from contextlib import suppress
from dataclasses import dataclass

from authapi.crypto.ids import new_id
from authapi.db import factors, identities, users
from authapi.db.database import Transaction
from authapi.db.factors import NewFactor
from authapi.db.identities import AlreadyLinkedError, LinkedIdentity
from authapi.db.users import Account, AlreadyTakenError
from authapi.errors import AlreadyLinked, AlreadyRegistered, InvalidCredentials, InvalidToken
from authapi.logs import log
from authapi.services.accounts.devices import Device
from authapi.services.accounts.freshness import lock_fresh, require_fresh_login
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.proven_registration import register_proven
from authapi.services.accounts.registration import Registrar
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.factors.id_tokens import IdToken, Person
from authapi.services.factors.providers import Providers
from authapi.services.factors.steps import Kind
from authapi.verifier import Claims, InvalidTokenError


@dataclass(frozen=True, slots=True)
class Link:
    """Who links which identity, from where and when."""

    subject: Claims
    sent: IdToken
    device: Device
    locale: str
    asked_at: float


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
        # Or somebody is faster: perhaps this person, with another request.
        with suppress(AlreadyTakenError, AlreadyLinkedError):
            email = person.verified_email
            register_proven(here, email, device, lambda tx, account: _add(tx, account, person))
        owner = _find_owner(here, person)
    if owner is None:
        raise AlreadyRegistered
    return owner


def _find_owner(here: Registrar, person: Person) -> tuple[Account, str] | None:
    with here.db.connect() as connection:
        linked = identities.find(connection, person.issuer, person.subject)
        account = linked and users.find(connection, linked.factor.user_id)
    return (account, linked.factor.id) if account and linked else None


def link_identity(here: Registrar, providers: Providers, wanted: Link) -> Hashing[LinkedIdentity]:
    """Link an identity to the account, and return it. Again is no error, and has no effect.

    Raises InsufficientUserAuthentication, AlreadyLinked, RateLimited, InvalidToken and what
    `prove_identity` raises.
    """
    require_fresh_login(wanted.subject, now=wanted.asked_at)
    with here.passwords.attempt(wanted.device.address):
        person = yield from prove_identity(providers, wanted.sent, wanted.device.address)
    with here.db.connect() as connection:
        linked = identities.find(connection, person.issuer, person.subject)
    if linked is None:
        linked = _link(here, person, wanted)
    if linked.factor.user_id != wanted.subject.sub:
        raise AlreadyLinked
    return linked


def _link(here: Registrar, person: Person, wanted: Link) -> LinkedIdentity:
    """Return the identity as it is now linked, perhaps by another request."""
    here.passwords.limits.count_registration(wanted.device.address)
    with suppress(AlreadyLinkedError), here.db.begin() as tx:
        _add(tx, lock_fresh(tx, wanted.subject), person)
    with here.db.connect() as connection:
        linked = identities.find(connection, person.issuer, person.subject)
    if linked is None:
        raise InvalidToken  # the account has gone meanwhile
    return linked


def _add(tx: Transaction, account: Account, person: Person) -> None:
    new = NewFactor(
        id=new_id(),
        user_id=account.id,
        kind=Kind.IDENTITY,
        name=None,
        is_second=False,
        is_in_force=True,
    )
    factors.add(tx, new)
    identities.add(tx, new.id, person.provider, person.issuer, person.subject)
    fields = {"user_id": account.id, "kind": Kind.IDENTITY.value, "factor_id": new.id}
    record(tx, Event(EventType.FACTOR_ADDED, {**fields, "provider": person.provider}))
