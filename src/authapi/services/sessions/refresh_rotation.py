"""THE rule of the answer to a presented refresh token: the first row that fits.

  the presented token                                       answer                    effect
  1 of no session in force, expired, of another transport   401                       none
  2 cookie: its parent was exchanged < 2 x overlap ago      the same token            none
  3 its parent is the last exchanged: a first use           a new pair (*)            exchanged
  4 the last exchanged, with a key it was exchanged under   its successor again       none
  5 the last exchanged, at most the overlap ago             a sibling                 key remembered
  6 its successor under its key is among the last 8         401 (a late duplicate)    none
  7 any other: a replay                                     401                       revoked

  Where the overlap is `until_used`, row 5 has no end: the last exchanged token stays the last one
  until a child of it is used (row 3). Then each of the others is a replay.

  (*) Before rows 3 to 7, and without effect: 400 where the key is one of the exchange that the
      token came from. Each token needs a new random one. If it was made under that very key this
      is known for good: a tab's request with a new cookie and a stale key may come late.

Row 3 is one conditional UPDATE and no other statement (db.exchanges.exchange). If it does not fit,
the session is read under its lock and the table is applied, row 3 included.

The promise: no lost, late or doubled answer logs out a client that keeps its key with its token.
Once owner and thief have both presented theirs, the session is gone. A thief who has token *and*
key is the exception: the thief is shut out, but not always noticed (docs/refresh.md; RFC 9700
section 4.14.2).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from functools import cached_property
from math import inf

from sqlalchemy import Connection

from authapi.crypto.ids import new_id
from authapi.crypto.refresh_tokens import RefreshClaims, key_digest
from authapi.db import exchanges, sessions
from authapi.db.database import Database, Transaction
from authapi.db.exchanges import Exchange, is_carried
from authapi.db.models import Carrier, RevokedReason
from authapi.db.sessions import LockedSession, StoredSession
from authapi.errors import BadRequest, InvalidGrant
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.sessions.notices import MakeNotice
from authapi.services.sessions.token_issue import TokenIssuer, TokenPair
from authapi.tally import Tally
from authapi.verifier import InvalidTokenError


class Answer(StrEnum):
    """A row of the table, by its name in the metrics."""

    REFUSED = auto()
    SAME_TOKEN = auto()
    KEY_IS_USED = auto()
    NEW_PAIR = auto()
    SAME_SUCCESSOR = auto()
    SIBLING = auto()
    LATE_DUPLICATE = auto()
    REPLAY = auto()


UNCOUNTED = Tally()


@dataclass(frozen=True)
class Presented:
    """A genuine refresh token, its carrier and its Idempotency-Key: see `present`."""

    claims: RefreshClaims
    carrier: Carrier
    idempotency_key: str | None
    tokens: TokenIssuer

    def for_resource(self, resource: str | None) -> "Presented":
        """Return the same, to be answered with an access token for that service alone.

        Raises InvalidTarget. The answers of a retry may differ in it: their refresh token is one.
        """
        return replace(self, tokens=self.tokens.for_resource(resource))

    @property
    def overlap(self) -> float:
        settings = self.tokens.settings
        if self.carrier is Carrier.COOKIE:
            return settings.refresh_overlap_cookie
        overlap = settings.refresh_overlap_bearer
        return inf if overlap == "until_used" else overlap

    @property
    def settled_after(self) -> float:
        return 2 * self.overlap if self.carrier is Carrier.COOKIE else -inf

    @cached_property
    def key_digest(self) -> str:
        return key_digest(self.idempotency_key) if self.idempotency_key else ""

    @cached_property
    def successors(self) -> list[str]:
        """The jti to give, and after it those that other secrets would give."""
        if not self.idempotency_key:
            return [new_id()]
        return self.tokens.keys.refresh_tokens.successors(self.claims.jti, self.idempotency_key)

    @cached_property
    def is_under_its_own_key(self) -> bool:
        """Whether the key is the one that this very token was made under."""
        key, claims = self.idempotency_key, self.claims
        successors = self.tokens.keys.refresh_tokens.successors
        return key is not None and claims.jti in successors(claims.parent, key)


@dataclass(frozen=True, slots=True)
class Case:
    """The input of the table: a presented token, and its session at a moment under its lock."""

    presented: Presented
    session: StoredSession
    now: float

    def is_out_of_force(self) -> bool:
        ends = min(self.session.expires_at, self.presented.claims.expires_at)
        return (
            self.session.revoked_at is not None
            or self.session.is_stopped
            or ends <= self.now
            or not is_carried(self.session, self.presented.carrier)
        )

    def is_settling(self) -> bool:
        # No token but the last exchanged one can have been exchanged so lately: its own first
        # use had to wait for as long, by this very row.
        return self.is_first_use() and self._since_exchange() < self.presented.settled_after

    def is_under_a_used_key(self) -> bool:
        is_of_last_exchange = self.is_first_use() and self._key_is_of_last_exchange()
        return is_of_last_exchange or self.presented.is_under_its_own_key

    def is_first_use(self) -> bool:
        return self.presented.claims.parent == self.session.last_exchanged

    def is_repeated(self) -> bool:
        return self._is_last_exchanged() and self._key_is_of_last_exchange()

    def is_overlapping(self) -> bool:
        overlap = self.presented.overlap
        return self._is_last_exchanged() and overlap > 0 and self._since_exchange() <= overlap

    def is_late_duplicate(self) -> bool:
        exchanged = {self.session.last_exchanged, *self.session.exchanged_before.split()}
        return not exchanged.isdisjoint(self.presented.successors)

    def _is_last_exchanged(self) -> bool:
        return self.presented.claims.jti == self.session.last_exchanged

    def _key_is_of_last_exchange(self) -> bool:
        return self.presented.key_digest in self.session.exchange_keys.split()

    def _since_exchange(self) -> float:
        return self.now - self.session.exchanged_at


TABLE: tuple[tuple[Callable[[Case], bool], Answer], ...] = (
    (Case.is_out_of_force, Answer.REFUSED),
    (Case.is_settling, Answer.SAME_TOKEN),
    (Case.is_under_a_used_key, Answer.KEY_IS_USED),
    (Case.is_first_use, Answer.NEW_PAIR),
    (Case.is_repeated, Answer.SAME_SUCCESSOR),
    (Case.is_overlapping, Answer.SIBLING),
    (Case.is_late_duplicate, Answer.LATE_DUPLICATE),
)


def decide(case: Case) -> Answer:
    return next((answer for fits, answer in TABLE if fits(case)), Answer.REPLAY)


def present(
    tokens: TokenIssuer, token: str, carrier: Carrier, idempotency_key: str | None
) -> Presented:
    """Open a refresh token that came with a request. Raises InvalidGrant for a forged one."""
    try:
        claims = tokens.keys.refresh_tokens.verify(token)
    except InvalidTokenError as error:
        raise InvalidGrant from error
    return Presented(claims, carrier, idempotency_key, tokens)


def rotate_refresh_token(
    db: Database,
    limits: RateLimits,
    presented: Presented,
    notice: MakeNotice | None = None,
    answers: Tally = UNCOUNTED,
) -> TokenPair:
    """Return the pair by the table above, whose rows `answers` counts. A replay posts `notice`.

    Raises InvalidGrant, BadRequest for a key of the previous exchange, RateLimited.
    """
    limits.count_refresh(presented.claims.sid)
    with db.connect(to_write=True) as connection:
        session = _exchange(connection, presented)
    if session:
        answers.add(Answer.NEW_PAIR.value)
        return _successor(session, presented)
    with db.begin() as tx:
        answer, pair = _go_down_the_table(tx, presented, notice)
    answers.add(answer.value)
    # Refuse after the block: raising inside would roll back the revocation.
    if answer is Answer.KEY_IS_USED:
        raise BadRequest("This Idempotency-Key was used before: make a new one for each token.")
    if pair is None:
        raise InvalidGrant
    return pair


def _exchange(connection: Connection, presented: Presented) -> LockedSession | None:
    """Try row 3 of the table, as one statement."""
    wanted = Exchange(
        sid=presented.claims.sid,
        jti=presented.claims.jti,
        parent=presented.claims.parent,
        token_expires_at=presented.claims.expires_at,
        carrier=presented.carrier,
        settled_after=presented.settled_after,
        key_digest=presented.key_digest,
        idle_ttl=presented.tokens.settings.refresh_idle_ttl,
    )
    return exchanges.exchange(connection, wanted)


def _go_down_the_table(
    tx: Transaction, presented: Presented, notice: MakeNotice | None
) -> tuple[Answer, TokenPair | None]:
    locked = exchanges.lock(tx, presented.claims.sid)
    if locked is None:
        return Answer.REFUSED, None
    stored, now = locked
    answer = decide(Case(presented, stored, now))
    session = stored.as_locked(now)
    match answer:
        case Answer.SAME_TOKEN:
            return answer, _same_token(session, presented)
        case Answer.NEW_PAIR:
            exchanged = _exchange(tx, presented)
            return answer, _successor(exchanged, presented) if exchanged else None
        case Answer.SAME_SUCCESSOR:
            return answer, _successor(session, presented)
        case Answer.SIBLING:
            exchanges.remember_key(tx, stored, presented.key_digest)
            return answer, _successor(session, presented)
        case Answer.REPLAY:
            _end_replayed(tx, stored)
            if notice:
                notice().post(tx, stored, now)
    return answer, None


def _end_replayed(tx: Transaction, session: StoredSession) -> None:
    sessions.revoke(tx, session.sid, RevokedReason.REPLAY)
    fields = {"user_id": session.user_id, "sid": session.sid}
    record(tx, Event(EventType.REFRESH_TOKEN_REPLAYED, fields))


def _successor(session: LockedSession, presented: Presented) -> TokenPair:
    jti, parent = presented.successors[0], presented.claims.jti
    return presented.tokens.issue_pair(session, refresh_jti=jti, parent=parent)


def _same_token(session: LockedSession, presented: Presented) -> TokenPair:
    jti, parent = presented.claims.jti, presented.claims.parent
    return presented.tokens.issue_pair(session, refresh_jti=jti, parent=parent, rotated=False)
