"""Recovery codes: ten, each works once, for who has lost the second factor.

A code has 125 random bits: a digest without a key keeps it (ASVS 6.5.2). The ten are one factor.
They come with the first second factor, and go with the last one.
"""

from base64 import b32encode
from collections.abc import Sequence
from secrets import token_bytes

from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.db import factors, recovery_codes
from authapi.db.database import Database, Transaction
from authapi.db.factors import NewFactor, StoredFactor
from authapi.db.users import Account
from authapi.errors import InvalidCode, NotFound
from authapi.services.events.catalogue import EventType
from authapi.services.factors.auth_sessions import digest_of
from authapi.services.factors.changes import Owner
from authapi.services.factors.sent import SentFactor
from authapi.services.factors.steps import Kind, Proof, Proven

CODES = 10
LETTERS, GROUP = 25, 5  # 125 bits of base32
# Base32 has none of these digits, which look like letters of it. Blanks and hyphens don't count.
MISREAD = str.maketrans("018", "OIB", " -")


def replace_codes(db: Database, owner: Owner) -> Sequence[str]:
    """Return ten new codes; the older ones end.

    Raises what `Owner.lock` raises, and NotFound for an account without a second factor.
    """
    with db.begin() as tx:
        account = owner.lock(tx)
        if not account.second_factors:
            raise NotFound("There is no second factor that a code could stand in for.")
        codes = make_codes(tx, account.id, owner)
        owner.tell(tx, EventType.RECOVERY_CODES_MADE, account, Kind.RECOVERY_CODES)
    return codes


def make_codes(tx: Transaction, user_id: str, owner: Owner) -> Sequence[str]:
    """Store ten new codes in the place of the older ones. The caller holds the user's lock."""
    for factor in of_kind(factors.list_in_force(tx, user_id), Kind.RECOVERY_CODES):
        factors.remove(tx, factor, is_second=False)
    new = NewFactor(new_id(), user_id, Kind.RECOVERY_CODES, None, is_second=False, is_in_force=True)
    stored = factors.add(tx, new)
    codes = [_new_code() for _ in range(CODES)]
    recovery_codes.add(tx, stored.id, [digest_of(_normal(code)) for code in codes])
    owner.record(tx, EventType.RECOVERY_CODES_MADE, stored)
    return codes


def of_kind(those: Sequence[StoredFactor], kind: Kind) -> Sequence[StoredFactor]:
    return [factor for factor in those if factor.kind == kind]


def prove(db: Database, _settings: Settings, account: Account, sent: SentFactor) -> Proven:
    """Return what a code proves, and use it up. Raises InvalidCode."""
    with db.begin() as tx:
        factor_id = recovery_codes.use(tx, account.id, digest_of(_normal(sent.code)))
        if factor_id is not None:
            factors.touch(tx, factor_id)
    if factor_id is None:
        raise InvalidCode
    return Proven.by(Proof.CODE)


def _new_code() -> str:
    letters = b32encode(token_bytes(16)).decode()[:LETTERS]
    return "-".join(letters[place : place + GROUP] for place in range(0, LETTERS, GROUP))


def _normal(typed: str) -> str:
    return typed.upper().translate(MISREAD)
