"""The keys that sign access tokens: made at the first start, kept sealed, loaded by each process.

The newest key whose `signs_from` has come signs; every loaded key verifies.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session as Transaction

from authapi.config import Settings
from authapi.crypto import signing_keys as crypto
from authapi.crypto.derived_keys import SEAL_SIGNING_KEYS, Seal, WrongSecretError
from authapi.crypto.refresh_tokens import RefreshTokens
from authapi.crypto.signing_keys import SigningKey
from authapi.db import models, signing_keys
from authapi.db.engine import Database
from authapi.errors import CommandError, Unavailable
from authapi.verifier import VerifyingKey


@dataclass(frozen=True, slots=True)
class LoadedKey:
    signing: SigningKey
    verifying: VerifyingKey
    signs_from: float


class KeyRing:
    """The loaded keys, newest first. Replaced whole, never changed: readers need no lock."""

    def __init__(self) -> None:
        self._keys: Mapping[str, LoadedKey] = {}

    def replace(self, keys: Mapping[str, LoadedKey]) -> None:
        self._keys = keys

    @property
    def is_loaded(self) -> bool:
        return bool(self._keys)

    def signing_key(self, now: float) -> SigningKey:
        """The key that signs at that moment. Raises Unavailable while none is loaded."""
        for key in self._keys.values():
            if key.signs_from <= now:
                return key.signing
        raise Unavailable

    def find(self, kid: str) -> VerifyingKey | None:
        key = self._keys.get(kid)
        return key.verifying if key else None


@dataclass(frozen=True, slots=True)
class Keys:
    """What a token pair is signed with."""

    ring: KeyRing
    refresh_tokens: RefreshTokens


def new_keys(settings: Settings) -> Keys:
    """Nothing is loaded yet: see load_signing_keys."""
    return Keys(KeyRing(), RefreshTokens(settings.secrets))


def load_signing_keys(db: Database, settings: Settings, ring: KeyRing, *, now: float) -> None:
    """Fill the ring from the database, and make the first key where there is none.

    Raises CommandError when SECRET does not open what is stored; nothing is overwritten then.
    """
    seal = Seal(settings.secrets, SEAL_SIGNING_KEYS)
    with db.autocommit() as tx:
        rows = signing_keys.list_all(tx)
    if not rows:
        _add_first_key(db, settings, seal, now=now)
        with db.autocommit() as tx:
            rows = signing_keys.list_all(tx)
    ring.replace({row.kid: _load(row, seal) for row in rows})


def _add_first_key(db: Database, settings: Settings, seal: Seal, *, now: float) -> None:
    try:
        with db.begin() as tx:
            if not signing_keys.list_all(tx):
                _add(tx, settings.signing_algorithm, seal, now=now)
    except signing_keys.AlreadyAdded:
        return  # another process was faster; its key is as good


def _add(tx: Transaction, algorithm: str, seal: Seal, *, now: float) -> None:
    key = crypto.generate(algorithm)
    signing_keys.add(
        tx,
        models.SigningKey(
            kid=key.kid,
            position=signing_keys.next_position(tx),
            algorithm=algorithm,
            private_sealed=seal.seal(crypto.to_bytes(key)),
            created_at=now,
            signs_from=0,
        ),
    )


def _load(row: models.SigningKey, seal: Seal) -> LoadedKey:
    try:
        plain = seal.open(row.private_sealed)
    except WrongSecretError as error:
        raise CommandError(
            "AUTHAPI_SECRET does not open the signing keys in the database: start with the secret "
            "that they were sealed with (it may stand last in a comma-separated list)."
        ) from error
    key = crypto.from_bytes(row.kid, row.algorithm, plain)
    return LoadedKey(key, key.verifying_key(), row.signs_from)
