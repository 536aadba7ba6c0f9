"""Users of another product become accounts of ours: many at once, and without any hashing.

  the user                                       becomes
  has an address that no account has             an account; without a hash, one without a password
  has the address of an account                  nothing: the account stays as it is
  the same; has a hash, and the account has none the account's hash; nothing, if the account was
                                                 disabled, reset or moved since it was made, or if
                                                 its address is proven here and not there
  breaks a rule, or has the address or username  nothing: it is named, with the reason
  of a record before or the username of another

A batch is one transaction. An import that was killed is run again, and goes on.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from sqlalchemy import Connection

from authapi.crypto.passwords import NO_PASSWORD
from authapi.db import imports
from authapi.db.database import Database, Transaction
from authapi.db.imports import NewImport
from authapi.db.users import AlreadyTakenError
from authapi.errors import Unavailable, UsernameTaken
from authapi.services.accounts.importing.files import Found, Place
from authapi.services.accounts.importing.products import Product
from authapi.services.accounts.importing.rules import as_account
from authapi.services.accounts.importing.users import BadRecordError
from authapi.services.accounts.usernames import Usernames

BATCH_ROWS = 500  # other writers of SQLite wait for one batch
TRIES = 5  # of a batch, while somebody else takes its names


class Fate(StrEnum):
    """What becomes of a record."""

    IMPORTED = "imported"
    WITHOUT_PASSWORD = "imported without a password"  # noqa: S105
    GIVEN_A_PASSWORD = "given a password"  # noqa: S105
    ALREADY_HERE = "already here"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fate of the record at a place. Only a refused one has a reason."""

    place: Place
    fate: Fate
    reason: str = ""


def import_users(
    db: Database,
    usernames: Usernames,
    product: Product,
    records: Iterable[Found],
    *,
    dry_run: bool = False,
) -> Iterator[Outcome]:
    """Import the records, and yield what became of each. A dry run yields the same.

    The outcomes of a batch follow its commit. Raises Unavailable, and what `records` raises.
    """
    remaining = iter(records)
    seen: dict[str, Place] = {}
    while batch := list(islice(remaining, BATCH_ROWS)):
        outcomes: dict[Place, Outcome] = {}
        new: dict[Place, NewImport] = {}
        for place, found in batch:
            try:
                new[place] = _first(as_account(product, found), place, seen)
            except BadRecordError as problem:
                outcomes[place] = Outcome(place, Fate.REFUSED, str(problem))
        for outcome in _store(db, usernames, new, dry_run=dry_run):
            outcomes[outcome.place] = outcome
        yield from (outcomes[place] for place, _ in batch)


def _first(account: NewImport, place: Place, seen: dict[str, Place]) -> NewImport:
    """Return the account if no record before has its names. Raises BadRecordError."""
    names = {"e-mail address": account.email_canonical, "username": account.username_canonical}
    for what, name in names.items():
        if name and name in seen:
            raise BadRecordError(f"The same {what} is in {seen[name]}.")
    seen |= {name: place for name in names.values() if name}
    return account


def _store(
    db: Database, usernames: Usernames, new: Mapping[Place, NewImport], *, dry_run: bool
) -> Collection[Outcome]:
    if dry_run:
        with db.connect() as connection:
            return _decide(connection, usernames, new)
    for _ in range(TRIES):
        try:
            with db.begin() as tx:
                outcomes = _decide(tx, usernames, new)
                _write(tx, usernames, new, outcomes)
        except AlreadyTakenError:
            continue  # somebody was faster: decide again
        return outcomes
    raise Unavailable


def _decide(
    connection: Connection, usernames: Usernames, new: Mapping[Place, NewImport]
) -> Collection[Outcome]:
    emails = [account.email_canonical for account in new.values()]
    owners = _owners(new.values())
    taken = imports.find_taken(connection, emails, list(owners), NO_PASSWORD)
    used = {*taken.usernames, *usernames.find_claimed(connection, owners)}

    def decide(place: Place, account: NewImport) -> Outcome:
        has_password = account.password_hash != NO_PASSWORD
        email = account.email_canonical
        is_owners = account.is_verified or email not in taken.verified
        if has_password and email in taken.without_password and is_owners:
            return Outcome(place, Fate.GIVEN_A_PASSWORD)
        if email in taken.emails:
            return Outcome(place, Fate.ALREADY_HERE)
        if account.email_canonical in taken.kept_emails:
            reason = "An account had this e-mail address until lately, and may take it back."
            return Outcome(place, Fate.REFUSED, reason)
        if account.username_canonical in used:
            return Outcome(place, Fate.REFUSED, UsernameTaken.description)
        return Outcome(place, Fate.IMPORTED if has_password else Fate.WITHOUT_PASSWORD)

    return [decide(place, account) for place, account in new.items()]


def _write(
    tx: Transaction,
    usernames: Usernames,
    new: Mapping[Place, NewImport],
    outcomes: Collection[Outcome],
) -> None:
    """Write what was decided. Raises AlreadyTakenError, which undoes the transaction."""
    added, given = [], []
    for outcome in outcomes:
        account = new[outcome.place]
        if outcome.fate in {Fate.IMPORTED, Fate.WITHOUT_PASSWORD}:
            added.append(account)
        elif outcome.fate is Fate.GIVEN_A_PASSWORD:
            given.append(account)
    if added:
        imports.add_all(tx, added)
        # After the write, as in Usernames.take: it waited for whoever gave a name up.
        if usernames.find_claimed(tx, _owners(added)):
            raise AlreadyTakenError
    if given:
        imports.give_passwords(tx, given, NO_PASSWORD)


def _owners(accounts: Iterable[NewImport]) -> Mapping[str, str]:
    """Return the canonical addresses of accounts by their usernames."""
    return {
        account.username_canonical: account.email_canonical
        for account in accounts
        if account.username_canonical
    }
