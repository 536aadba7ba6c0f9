"""What a poll reads, in one small statement: all that processes must learn from each other.

Each branch is a range of an index, or a table of a few rows.
"""

from dataclasses import dataclass, field

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Double,
    bindparam,
    cast,
    func,
    literal,
    select,
    union_all,
)

from authapi.db.models import Session, SigningKey, Stop
from authapi.db.primary import db_takes_writes, refuse

CHANNEL = "authapi_revocations"


@dataclass(slots=True)
class Changes:
    """`as_of` is the database's time of the poll; the mappings give each thing's moment.

    `compromised` and `keys` together are all signing keys; a key's moment is its `signs_from`.
    `stopped` gives the generation that each account has since a stop: stops.read_sids has its
    sessions, which are not among `revoked`. `primary` is empty if a standby has answered.
    """

    as_of: float = 0.0
    primary: dict[str, float] = field(default_factory=dict)
    revoked: dict[str, float] = field(default_factory=dict)
    reissued: dict[str, float] = field(default_factory=dict)
    stopped: dict[str, float] = field(default_factory=dict)
    compromised: dict[str, float] = field(default_factory=dict)
    keys: dict[str, float] = field(default_factory=dict)


# Each row names the field of Changes that it belongs to.
_since = bindparam("since", type_=Double)
_CHANGES: CompoundSelect[str, str, float] = union_all(
    *[
        select(literal("primary"), literal(""), cast(0, Double)).where(db_takes_writes()),
        select(literal("revoked"), Session.sid, Session.revoked_at).where(
            Session.revoked_at > _since, Session.revoked_by_stop.is_not(True)
        ),
        select(literal("stopped"), Stop.user_id, cast(Stop.generation, Double)).where(
            Stop.stopped_at > _since
        ),
        select(literal("reissued"), Session.sid, Session.tokens_from).where(
            Session.tokens_from > _since
        ),
        select(literal("compromised"), SigningKey.kid, SigningKey.compromised_at).where(
            SigningKey.compromised_at.is_not(None)
        ),
        select(literal("keys"), SigningKey.kid, SigningKey.signs_from).where(
            SigningKey.compromised_at.is_(None)
        ),
    ]
)


def read_changes(connection: Connection, since: float, *, as_of: float) -> Changes:
    """Return what has changed since that moment of the database's clock, and all keys.

    `as_of` was read from that clock before: everything visible then is in the answer. Raises
    Unavailable for a standby: it lags, and would count as fresh.
    """
    changes = Changes(as_of=as_of)
    for kind, name, moment in connection.execute(_CHANGES, {"since": since}):
        getattr(changes, kind)[name] = moment
    if not changes.primary:
        refuse(connection)
    return changes


def notify(connection: Connection) -> None:
    """Wake the other processes after the commit (PostgreSQL only).

    They read from the tables what has changed, so nothing depends on the notification.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, "")))
