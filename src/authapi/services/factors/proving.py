"""A second factor that a request sends is proven by the file of its kind: the table PROVERS."""

from collections.abc import Callable, Mapping

from authapi.config import Settings
from authapi.db.database import Database
from authapi.db.users import Account
from authapi.errors import InvalidCode
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import tell
from authapi.services.factors import passkeys, recovery_codes, totp
from authapi.services.factors.sent import SentFactor
from authapi.services.factors.steps import Proven


def _prove_passkey(db: Database, _settings: Settings, account: Account, sent: SentFactor) -> Proven:
    assert sent.rp
    assert sent.answer
    assert sent.binding
    return passkeys.prove(db, sent.rp, account.id, sent.answer, sent.binding)


# Raises InvalidCode, and InvalidSession for a challenge that has ended. What was proven can't be
# proven by the same code again.
Prover = Callable[[Database, Settings, Account, SentFactor], Proven]
PROVERS: Mapping[str, Prover] = {
    "totp_code": totp.prove,
    "recovery_code": recovery_codes.prove,
    "passkey": _prove_passkey,
}


def prove(
    db: Database, settings: Settings, account: Account, sent: SentFactor, address: str
) -> Proven:
    """Return what the factor proves. Raises InvalidCode, and logs it; InvalidSession."""
    try:
        return PROVERS[sent.method](db, settings, account, sent)
    except InvalidCode:
        fields = {"user_id": account.id, "ip": address, "method": sent.method}
        tell(Event(EventType.FACTOR_REFUSED, fields))
        raise
