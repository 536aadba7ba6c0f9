"""The table `spent_challenges`: challenges of passkeys that were answered."""

from sqlalchemy.dialects import postgresql, sqlite

from authapi.db.database import Transaction
from authapi.db.models import SpentChallenge

# A purge compares the database's clock, and who reads a challenge an application's: 30 s apart at
# most, or the process is not ready.
KEPT_LONGER_SECONDS = 60


def spend(tx: Transaction, challenge_id: str, expires_at: float) -> bool:
    """Note that the challenge was answered. Of several at once one is told True."""
    of_dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    row = {"id": challenge_id, "expires_at": expires_at + KEPT_LONGER_SECONDS}
    added = of_dialect.insert(SpentChallenge).values(row).on_conflict_do_nothing()
    return tx.execute(added.returning(SpentChallenge.id)).one_or_none() is not None
