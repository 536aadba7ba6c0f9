"""Making, loading and replacing the keys that sign access tokens. What time does: ring.py.

  when                                        what
  there is no key                             one that signs at once
  the newest one's algorithm is not the set   a next one
  the active one is KEY_ROTATION_DAYS old     a next one, published KEY_PUBLISH_DELAY before
  an operator rotates                         a next one, or with --now one that signs at once
  an operator says that one is compromised    it is marked, and replaced in the state it was in

Several processes may do any of it at the same moment: they take turns at a lock, so one of them
adds the key and the others find it.
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
from authapi.services.keys.ring import (
    PUBLISHED,
    KeyRing,
    Keys,
    LoadedKey,
    State,
    newest,
    states,
)

DAY_SECONDS = 86400


class NoSuchKeyError(OperatorError):
    def __init__(self, kid: str) -> None:
        super().__init__(f"There is no key {kid!r}.")


class KeyIsWaitingError(OperatorError):
    def __init__(self, kid: str) -> None:
        super().__init__(f"The key {kid} waits already.")


class UnusableKeyError(OperatorError):
    def __init__(self, key: StoredKey, reason: Exception) -> None:
        super().__init__(
            f"The signing key {key.kid} in the database can't be used for {key.algorithm}: "
            f"{reason} Restore it from a backup, or mark it: `authapi keys compromised`."
        )


class SealedKeysError(OperatorError):
    def __init__(self) -> None:
        super().__init__(
            "AUTHAPI_SECRET does not open the signing keys in the database: start with the secret "
            "that they were sealed with (it may stand last in a comma-separated list)."
        )


# Whether a key is to be added, by all keys' dates and the database's time.
IsNeeded = Callable[[Sequence[StoredKey], float], bool]


def new_keys(settings: Settings) -> Keys:
    """Nothing is loaded yet: see prepare_signing_keys."""
    return Keys(KeyRing(), RefreshTokens(settings.secrets))


def prepare_signing_keys(db: Database, settings: Settings, ring: KeyRing) -> None:
    """At the start: the first key, a change of SECRET or of the algorithm; then load.

    Raises OperatorError for a key that can't be opened or used, before anything is written, and
    Unavailable.
    """
    load_signing_keys(db, settings, ring)
    reseal_signing_keys(db, settings)

    def has_none(keys: Sequence[StoredKey], now: float) -> bool:
        return not {State.ACTIVE, State.NEXT} & set(states(keys, now).values())

    def has_other_algorithm(keys: Sequence[StoredKey], _now: float) -> bool:
        return newest(keys).algorithm != settings.signing_algorithm

    _add_key_if(has_none, db, settings, signs_in=0)
    _add_key_if(has_other_algorithm, db, settings, signs_in=settings.key_publish_delay)
    load_signing_keys(db, settings, ring)


def rotate_old_key(db: Database, settings: Settings) -> None:
    """Add the next key in time for it to be published before the active one is too old."""

    def is_due(keys: Sequence[StoredKey], now: float) -> bool:
        state = states(keys, now)
        age = [now - key.signs_from for key in keys if state[key.kid] is State.ACTIVE]
        allowed = settings.key_rotation_days * DAY_SECONDS - settings.key_publish_delay
        return bool(age) and age[0] >= allowed and State.NEXT not in state.values()

    if settings.key_rotation_days:
        _add_key_if(is_due, db, settings, signs_in=settings.key_publish_delay)


def rotate_key(db: Database, settings: Settings, *, at_once: bool) -> StoredKey:
    """An operator's rotation: the key that signs next, or now. A key that waits is brought forward.

    Raises KeyIsWaitingError where one waits already and need not be brought forward, Unavailable.
    """
    key = crypto.generate(settings.signing_algorithm)
    with db.begin() as tx:
        keys, now = _lock(tx)
        waiting = _kids_in(State.NEXT, keys, now)
        if waiting and at_once:
            signing_keys.bring_forward(tx, waiting, now)
        elif not waiting:
            delay = 0 if at_once else settings.key_publish_delay
            _insert(tx, settings, key, keys, signs_from=now + delay)
        keys, _ = _read(tx)
    if waiting and not at_once:
        raise KeyIsWaitingError(waiting[0])
    return newest(keys)


def mark_compromised(db: Database, settings: Settings, kid: str) -> StoredKey | None:
    """The key verifies nothing from now on. Its replacement, where it signed or was to sign.

    Every session goes on by its refresh token, which no such key has signed. Raises
    NoSuchKeyError, Unavailable.
    """
    replacement = crypto.generate(settings.signing_algorithm)
    with db.begin() as tx:
        keys, now = _lock(tx)
        state = states(keys, now).get(kid)
        if state and state is not State.COMPROMISED:
            signing_keys.mark_compromised(tx, kid)
            revocations.notify(tx)
            record(tx, Event(EventType.SIGNING_KEY_COMPROMISED, {"kid": kid}))
        if state in (State.ACTIVE, State.NEXT):
            delay = 0 if state is State.ACTIVE else settings.key_publish_delay
            _insert(tx, settings, replacement, keys, signs_from=now + delay)
        keys, _ = _read(tx)
    if state is None:
        raise NoSuchKeyError(kid)
    return next((key for key in keys if key.kid == replacement.kid), None)


def list_keys(db: Database) -> tuple[Sequence[StoredKey], float]:
    """Every key, the newest first, and the database's time. Raises Unavailable."""
    with db.connect() as connection:
        return _read(connection)


def reseal_signing_keys(db: Database, settings: Settings) -> int:
    """Seal under the first secret what an older one has sealed; how many. Raises OperatorError.

    Keys that verify nothing any more stay as they are: nobody will open them.
    """
    seal = Seal(settings.secrets, SEAL_SIGNING_KEYS)
    rows, _ = _published(db)
    old = [row for row in rows.values() if not seal.is_current(row.private_sealed)]
    sealed = {row.kid: seal.seal(_open(row, seal)) for row in old}
    if sealed:
        with db.begin() as tx:
            for kid, private in sealed.items():
                signing_keys.set_private(tx, kid, private)
    return len(sealed)


def load_signing_keys(db: Database, settings: Settings, ring: KeyRing) -> None:
    """Fill the ring with the keys that sign or verify; one that it has stays the same object.

    Raises OperatorError for a key that can't be opened or used, Unavailable.
    """
    seal = Seal(settings.secrets, SEAL_SIGNING_KEYS)
    rows, now = _published(db)
    ring.replace([_load(row, ring, seal) for row in rows.values()], now)


def _published(db: Database) -> tuple[dict[str, StoredKey], float]:
    """The rows of the keys that sign or verify, by kid, and the database's time."""
    with db.connect() as connection:
        rows, now = _read(connection)
    state = states(rows, now)
    return {row.kid: row for row in rows if state[row.kid] in PUBLISHED}, now


def _add_key_if(is_needed: IsNeeded, db: Database, settings: Settings, *, signs_in: float) -> None:
    with db.connect() as connection:
        if not is_needed(*_read(connection)):
            return
    key = crypto.generate(settings.signing_algorithm)  # an RSA key takes longer than a lock should
    with db.begin() as tx:
        keys, now = _lock(tx)
        if is_needed(keys, now):
            _insert(tx, settings, key, keys, signs_from=now + signs_in)


def _insert(
    tx: Transaction,
    settings: Settings,
    key: SigningKey,
    keys: Sequence[StoredKey],
    *,
    signs_from: float,
) -> None:
    seal = Seal(settings.secrets, SEAL_SIGNING_KEYS)
    row = StoredKey(
        kid=key.kid,
        position=max((key.position for key in keys), default=0) + 1,
        algorithm=key.algorithm,
        private_sealed=seal.seal(crypto.to_bytes(key)),
        created_at=read_clock(tx),
        signs_from=signs_from,
        compromised_at=None,
    )
    signing_keys.add(tx, row)
    revocations.notify(tx)
    fields = {"kid": key.kid, "algorithm": key.algorithm, "signs_from": signs_from}
    record(tx, Event(EventType.SIGNING_KEY_ADDED, fields))


def _lock(tx: Transaction) -> tuple[Sequence[StoredKey], float]:
    """What _read reads, with no change by anybody else until the end of the transaction."""
    signing_keys.lock(tx)
    return _read(tx)


def _read(connection: Connection) -> tuple[Sequence[StoredKey], float]:
    return signing_keys.list_all(connection), read_clock(connection)


def _kids_in(state: State, keys: Sequence[StoredKey], now: float) -> list[str]:
    return [kid for kid, found in states(keys, now).items() if found is state]


def _load(row: StoredKey, ring: KeyRing, seal: Seal) -> LoadedKey:
    if known := ring.loaded().get(row.kid):
        return LoadedKey(row, known.signing, known.verifying)
    try:
        signing = crypto.from_bytes(row.kid, row.algorithm, _open(row, seal))
        return LoadedKey(row, signing, signing.verifying_key())
    except (ValueError, TypeError, KeyError) as error:
        raise UnusableKeyError(row, error) from error


def _open(row: StoredKey, seal: Seal) -> bytes:
    try:
        return seal.open(row.private_sealed)
    except WrongSecretError as error:
        raise SealedKeysError from error
