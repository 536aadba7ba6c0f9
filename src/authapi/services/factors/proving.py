"""A second factor that a request sends is proven by the file of its kind: the table PROVERS."""

from collections.abc import Callable, Mapping

from authapi.config import Settings
from authapi.db.database import Database
from authapi.db.users import Account
from authapi.errors import InvalidCode
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import tell
from authapi.services.factors import recovery_codes, totp
from authapi.services.factors.sent import SentFactor
from authapi.services.factors.steps import Proven

# Raises InvalidCode. What was proven can't be proven by the same code again.
Prover = Callable[[Database, Settings, Account, SentFactor], Proven]
PROVERS: Mapping[str, Prover] = {
    "totp_code": totp.prove,
    "recovery_code": recovery_codes.prove,
}


def prove(
    db: Database, settings: Settings, account: Account, sent: SentFactor, address: str
) -> Proven:
    """Return what the factor proves. Raises InvalidCode, and logs it."""
    try:
        return PROVERS[sent.method](db, settings, account, sent)
    except InvalidCode:
        fields = {"user_id": account.id, "ip": address, "method": sent.method}
        tell(Event(EventType.FACTOR_REFUSED, fields))
        raise
