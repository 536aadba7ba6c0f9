"""The table `signing_keys`, the newest first. services/keys/ring.py says what the dates mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from sqlalchemy import Connection, func, insert, select, update

from authapi.db.clock import db_now
from authapi.db.models import SigningKey

# Any number that nobody else locks.
KEYS_LOCK = 0x6B657973


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A signing key's row. `position` orders keys that begin at the same moment."""

    kid: str
    algorithm: str
    position: int
    created_at: float
    signs_from: float
    compromised_at: float | None
    private_sealed: bytes = field(repr=False, default=b"")


_NAMES = [column.name for column in fields(StoredKey)]
_ALL = select(*(getattr(SigningKey, name) for name in _NAMES)).order_by(SigningKey.position.desc())


def lock(connection: Connection) -> None:
    """Let nobody else add or change a key until the end of the transaction."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(select(func.pg_advisory_xact_lock(KEYS_LOCK)))


def list_all(connection: Connection) -> Sequence[StoredKey]:
    return [StoredKey(*row) for row in connection.execute(_ALL)]


def add(connection: Connection, key: StoredKey) -> None:
    connection.execute(insert(SigningKey).values({name: getattr(key, name) for name in _NAMES}))


def bring_forward(connection: Connection, kids: Sequence[str], signs_from: float) -> None:
    statement = update(SigningKey).where(SigningKey.kid.in_(kids))
    connection.execute(statement.values(signs_from=signs_from))


def mark_compromised(connection: Connection, kid: str) -> None:
    statement = update(SigningKey).where(SigningKey.kid == kid)
    connection.execute(statement.values(compromised_at=db_now()))


def set_private(connection: Connection, kid: str, private_sealed: bytes) -> None:
    statement = update(SigningKey).where(SigningKey.kid == kid)
    connection.execute(statement.values(private_sealed=private_sealed))
