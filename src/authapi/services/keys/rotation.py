"""Makes, loads and replaces the keys that sign access tokens. Their states: ring.py.

  when                                        what
  there is no key                             one that signs at once
  the newest one's algorithm is not the set   a next one
  the active one is KEY_ROTATION_DAYS old     a next one, published KEY_PUBLISH_DELAY before
  an operator rotates                         a next one, or with --now one that signs at once
  an operator says that one is compromised    it is marked, and replaced in the state it was in

Several processes may do any of it at the same moment. They take turns at a lock: one adds the key,
and the others find it.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from authapi.config import Settings
from authapi.crypto import signing_keys as crypto
from authapi.crypto.derived_keys import SEAL_SIGNING_KEYS, Seal, WrongSecretError
from authapi.crypto.refresh_tokens import RefreshTokens
from authapi.crypto.signing_keys import SigningKey
from authapi.db import revocations, signing_keys
from authapi.db.clock import read_clock
from authapi.db.database import Database, Transaction
from authapi.db.signing_keys import StoredKey
from authapi.errors import OperatorError
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.keys.ring import PUBLISHED, KeyRing, Keys, LoadedKey, State, newest, states

DAY_SECONDS = 86400

StoredKeys = Sequence[StoredKey]
IsNeeded = Callable[[StoredKeys, float], bool]  # by all keys, and the database's time


class NoSuchKeyError(OperatorError):
    """No key has this kid."""


class KeyIsWaitingError(OperatorError):
    """A next key exists already."""


def new_keys(settings: Settings) -> Keys:
    """Return the keys with an empty ring: see prepare_signing_keys."""
    return Keys(KeyRing(), RefreshTokens(settings.secrets))


def prepare_signing_keys(db: Database, settings: Settings, ring: KeyRing) -> None:
    """Make the missing keys at the start, seal old ones anew, and load all.

    Raises OperatorError for a key that can't be opened or used, before anything is written.
    """
    load_signing_keys(db, settings, ring)
    reseal_signing_keys(db, settings)

    def has_none(keys: StoredKeys, now: float) -> bool:
        return not _in_state(keys, now, State.ACTIVE, State.NEXT)

    def has_other_algorithm(keys: StoredKeys, _now: float) -> bool:
        return newest(keys).algorithm != settings.signing_algorithm

    _add_key_if(has_none, db, settings, signs_in=0)
    _add_key_if(has_other_algorithm, db, settings, signs_in=settings.key_publish_delay)
    load_signing_keys(db, settings, ring)


def rotate_old_key(db: Database, settings: Settings) -> None:
    """Add the next key in time: it is published before the active key is too old."""
    allowed = settings.key_rotation_days * DAY_SECONDS - settings.key_publish_delay

    def is_due(keys: StoredKeys, now: float) -> bool:
        active = _in_state(keys, now, State.ACTIVE)
        is_old = any(now - key.signs_from >= allowed for key in active)
        return is_old and not _in_state(keys, now, State.NEXT)

    if settings.key_rotation_days:
        _add_key_if(is_due, db, settings, signs_in=settings.key_publish_delay)


def rotate_key(db: Database, settings: Settings, *, at_once: bool) -> StoredKey:
    """Add the next key, or one that signs `at_once`, and return it. A next key is brought forward.

    Raises KeyIsWaitingError if a next key exists and is not to sign at once.
    """
    key = crypto.generate(settings.signing_algorithm)
    with db.begin() as tx:
        keys, now = _lock(tx)
        waiting = [key.kid for key in _in_state(keys, now, State.NEXT)]
        if waiting and not at_once:
            raise KeyIsWaitingError(f"The key {waiting[0]} waits already.")  # nothing is written
        if waiting:
            signing_keys.bring_forward(tx, waiting, now)
        else:
            delay = 0 if at_once else settings.key_publish_delay
            _insert(tx, settings, key, keys, signs_from=now + delay)
        keys, _ = _read(tx)
    return newest(keys)


def mark_compromised(db: Database, settings: Settings, kid: str) -> StoredKey | None:
    """Refuse the key from now on. Return its replacement if it signed, or was the next.

    Sessions go on: no such key signs refresh tokens. Raises NoSuchKeyError.
    """
    replacement = crypto.generate(settings.signing_algorithm)
    with db.begin() as tx:
        keys, now = _lock(tx)
        state = states(keys, now).get(kid)
        if state is None:
            raise NoSuchKeyError(f"There is no key {kid!r}.")  # nothing is written
        if state is not State.COMPROMISED:
            signing_keys.mark_compromised(tx, kid)
            revocations.notify(tx)
            record(tx, Event(EventType.SIGNING_KEY_COMPROMISED, {"kid": kid}))
        if state not in (State.ACTIVE, State.NEXT):
            return None
        delay = 0 if state is State.ACTIVE else settings.key_publish_delay
        return _insert(tx, settings, replacement, keys, signs_from=now + delay)


def list_keys(db: Database) -> tuple[StoredKeys, float]:
    """Return every key, the newest first, and the database's time."""
    with db.connect() as connection:
        return _read(connection)


def reseal_signing_keys(db: Database, settings: Settings) -> int:
    """Seal the keys of older secrets under the first one. Return how many.

    Keys that verify nothing stay as they are: nobody opens them. Raises OperatorError.
    """
    seal = Seal(settings.secrets, SEAL_SIGNING_KEYS)
    rows, _ = _published(db)
    old = [row for row in rows if not seal.is_current(row.private_sealed)]
    sealed = {row.kid: seal.seal(_open(row, seal)) for row in old}
    if sealed:
        with db.begin() as tx:
            for kid, private in sealed.items():
                signing_keys.set_private(tx, kid, private)
    return len(sealed)


def load_signing_keys(db: Database, settings: Settings, ring: KeyRing) -> None:
    """Fill the ring with the keys that sign or verify. A key that it has stays the same object.

    Raises OperatorError for a key that can't be opened or used.
    """
    seal = Seal(settings.secrets, SEAL_SIGNING_KEYS)
    rows, now = _published(db)
    ring.replace([_load(row, ring, seal) for row in rows], now)


def _published(db: Database) -> tuple[StoredKeys, float]:
    """Return the keys that sign or verify, and the database's time."""
    keys, now = list_keys(db)
    return _in_state(keys, now, *PUBLISHED), now


def _add_key_if(is_needed: IsNeeded, db: Database, settings: Settings, *, signs_in: float) -> None:
    if not is_needed(*list_keys(db)):
        return
    key = crypto.generate(settings.signing_algorithm)  # an RSA key takes too long for a lock
    with db.begin() as tx:
        keys, now = _lock(tx)
        if is_needed(keys, now):
            _insert(tx, settings, key, keys, signs_from=now + signs_in)


def _insert(
    tx: Transaction, settings: Settings, key: SigningKey, keys: StoredKeys, *, signs_from: float
) -> StoredKey:
    row = StoredKey(
        kid=key.kid,
        algorithm=key.algorithm,
        position=max((key.position for key in keys), default=0) + 1,
        created_at=read_clock(tx),
        signs_from=signs_from,
        compromised_at=None,
        private_sealed=Seal(settings.secrets, SEAL_SIGNING_KEYS).seal(crypto.to_bytes(key)),
    )
    signing_keys.add(tx, row)
    revocations.notify(tx)
    fields = {"kid": key.kid, "algorithm": key.algorithm, "signs_from": signs_from}
    record(tx, Event(EventType.SIGNING_KEY_ADDED, fields))
    return row


def _lock(tx: Transaction) -> tuple[StoredKeys, float]:
    """Read the keys, and let nobody change them until the end of the transaction."""
    signing_keys.lock(tx)
    return _read(tx)


def _read(connection: Connection) -> tuple[StoredKeys, float]:
    return signing_keys.list_all(connection), read_clock(connection)


def _in_state(keys: StoredKeys, now: float, *wanted: State) -> StoredKeys:
    state = states(keys, now)
    return [key for key in keys if state[key.kid] in wanted]


def _load(row: StoredKey, ring: KeyRing, seal: Seal) -> LoadedKey:
    if known := ring.loaded().get(row.kid):
        return LoadedKey(row, known.signing, known.verifying)
    try:
        signing = crypto.from_bytes(row.kid, row.algorithm, _open(row, seal))
        return LoadedKey(row, signing, signing.verifying_key())
    except (ValueError, TypeError, KeyError) as error:
        raise OperatorError(
            f"The signing key {row.kid} in the database can't be used for {row.algorithm}: "
            f"{error} Restore it from a backup, or mark it: `authapi keys compromised`."
        ) from error


def _open(row: StoredKey, seal: Seal) -> bytes:
    try:
        return seal.open(row.private_sealed)
    except WrongSecretError as error:
        raise OperatorError(
            "AUTHAPI_SECRET does not open the signing keys in the database: start with the secret "
            "that they were sealed with (it may stand last in a comma-separated list)."
        ) from error
