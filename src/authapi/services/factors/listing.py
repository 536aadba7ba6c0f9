"""A user's factors: listed, renamed, removed.

| removed                       | then                                                        |
| ----------------------------- | ----------------------------------------------------------- |
| the last second factor        | recovery codes go too: there is nothing they could stand for |
| the only way to log in        | LastWayIn, and nothing is removed                           |
| any other                     | it alone                                                    |

Ways to log in are a password, a passkey that has verified its user, and an identity whose provider
is in the setting IDENTITY_PROVIDERS. No other passkey or identity opens a session by itself today.
"""

from collections.abc import Sequence

from authapi.config import Settings
from authapi.crypto.passwords import NO_PASSWORD
from authapi.db import factors
from authapi.db.database import Database, Transaction
from authapi.db.factors import ListedFactor, StoredFactor
from authapi.db.users import Account
from authapi.errors import LastWayIn, NotFound
from authapi.services.accounts.freshness import lock_fresh
from authapi.services.events.catalogue import EventType
from authapi.services.factors.changes import Owner
from authapi.services.factors.recovery_codes import of_kind
from authapi.services.factors.steps import SECOND_FACTORS, Kind


def list_factors(db: Database, user_id: str) -> Sequence[ListedFactor]:
    """Return the user's factors in force, the oldest first."""
    with db.connect() as connection:
        return factors.list_details(connection, user_id)


def rename_factor(db: Database, owner: Owner, factor_id: str, name: str | None) -> ListedFactor:
    """Give a factor another name, or none. Raises NotFound, and what `Owner.lock` raises."""
    with db.begin() as tx:
        account = owner.lock(tx)
        factor = _get(factors.list_in_force(tx, account.id), factor_id)
        factors.rename(tx, factor.id, name)
        owner.record(tx, EventType.FACTOR_RENAMED, factor)
        listed = factors.list_details(tx, account.id)
    return next(each for each in listed if each.id == factor_id)


def remove_factor(db: Database, settings: Settings, owner: Owner, factor_id: str) -> None:
    """Remove a factor. Raises LastWayIn, NotFound, InsufficientUserAuthentication."""
    with db.begin() as tx:
        account = lock_fresh(tx, owner.subject)
        there = factors.list_in_force(tx, account.id)
        factor = _get(there, factor_id)
        others = [other for other in there if other.id != factor_id]
        issuers = [provider.issuer for provider in settings.identity_providers]
        ways_in = factors.list_ways_in(tx, account.id, issuers)
        _require_another_way_in(account, factor, ways_in)
        _remove(tx, owner, factor)
        owner.tell(tx, EventType.FACTOR_REMOVED, account, factor.kind)
        if SECOND_FACTORS.isdisjoint(other.kind for other in others):
            for codes in of_kind(others, Kind.RECOVERY_CODES):
                _remove(tx, owner, codes)


def _remove(tx: Transaction, owner: Owner, factor: StoredFactor) -> None:
    factors.remove(tx, factor, is_second=factor.kind in SECOND_FACTORS)
    owner.record(tx, EventType.FACTOR_REMOVED, factor)


def _get(there: Sequence[StoredFactor], factor_id: str) -> StoredFactor:
    """Return the factor. Raises NotFound: nothing was written."""
    for factor in there:
        if factor.id == factor_id:
            return factor
    raise NotFound


def _require_another_way_in(
    account: Account, removed: StoredFactor, ways_in: Sequence[str]
) -> None:
    has_another = account.password_hash != NO_PASSWORD or bool({*ways_in} - {removed.id})
    # Also for one that opens nothing today: its provider may come back.
    if removed.kind in {Kind.PASSKEY, Kind.IDENTITY} and not has_another:
        raise LastWayIn
