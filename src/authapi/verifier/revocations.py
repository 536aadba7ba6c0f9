"""RevocationSet: the revoked sessions, reissued sessions and compromised keys."""

import math
import threading
from collections.abc import Collection, Iterator, Mapping
from json import loads
from json.encoder import encode_basestring_ascii
from typing import Protocol
from zlib import crc32

from authapi.verifier.claims import Claims
from authapi.verifier.lifetimes import WINDOW_SECONDS

# A dict of sids takes 160 bytes an entry, this 38 bytes and half a microsecond. Each bucket is one
# bytes object of records: START "sid":until, as in a page of the feed. START does not occur in a
# JSON string, so a plain search finds a record, and no sid can look like two.
_START = b"\n"
_BUCKETS = 4096
_NOTHING: Mapping[str, float] = {}


class Revocations(Protocol):
    """What a verifier asks about every token."""

    def refuses(self, claims: Claims) -> bool:
        """Return whether the token is revoked. May raise VerifierNotReadyError."""


class RevocationSet:
    """The revocations in force. Reading needs no lock: a bucket is replaced as a whole.

    entry                refuses                                      until
    revoked session      every access token of the session            its `until`, Unix seconds
    reissued session     those issued before a moment, Unix seconds   WINDOW_SECONDS after it
    compromised key      every access token that the key signed       for good

    An entry refuses until `prune` drops it.
    """

    def __init__(self) -> None:
        self._buckets = [b""] * _BUCKETS
        self._count = 0
        self._reissued: dict[str, float] = {}
        self._refused_keys: frozenset[str] = frozenset()
        self._generation = object()  # another one once something was learned
        self._writing = threading.Lock()

    def __len__(self) -> int:
        """Return the number of revoked sessions."""
        return self._count

    def __contains__(self, sid: str) -> bool:
        mark = _mark(sid)
        return mark in self._buckets[_bucket_of(mark)]

    def refuses(self, claims: Claims) -> bool:
        """Return whether the token of these claims is revoked."""
        # Every verified request comes here, so what has passed is not looked up again. The look-up
        # comes after the generation is read: another thread may end it meanwhile.
        generation = self._generation
        if claims.passed is generation:
            return False
        if (
            claims.sid in self
            or claims.key_id in self._refused_keys
            or claims.issued_at < self._reissued.get(claims.sid, 0)
        ):
            return True
        object.__setattr__(claims, "passed", generation)
        return False

    def learn(
        self,
        sessions: Mapping[str, float] = _NOTHING,
        *,
        reissued: Mapping[str, float] = _NOTHING,
        keys: Collection[str] = (),
    ) -> bool:
        """Add to what is held; return whether anything was new.

        `sessions` maps a sid to its `until`, `reissued` to the moment; the later of two counts.
        """
        with self._writing:
            before, held = (self._count, self._refused_keys), self._reissued
            later = {sid: moment for sid, moment in reissued.items() if moment > held.get(sid, -1)}
            held.update(later)
            self._refused_keys |= frozenset(keys)
            try:
                for sid, until in sessions.items():
                    self._put(sid, math.ceil(until))
            finally:  # also after a moment that is no number, or what passed before would go on
                if is_new := bool(later) or before != (self._count, self._refused_keys):
                    self._generation = object()
            return is_new

    def prune(self, now: float) -> None:
        """Drop the sessions that no token in force can name any more."""
        with self._writing:
            for number, bucket in enumerate(self._buckets):
                if not bucket:
                    continue
                kept = _later(bucket, now)
                if dropped := bucket.count(_START) - len(kept):
                    self._buckets[number] = b"".join(_START + record for record in kept)
                    self._count -= dropped
            since, reissued = now - WINDOW_SECONDS, self._reissued.items()
            self._reissued = {sid: moment for sid, moment in reissued if moment > since}

    def members(self, after: float | None = None) -> Iterator[bytes]:
        """Yield the members of a JSON object of sids to `until`s, a bucket at a time.

        Equal sets yield equal bytes. `after` leaves out the entries whose `until` is not later.
        """
        # Most buckets are empty, and anybody may ask for the feed: those are left out in C.
        for bucket in filter(None, self._buckets):
            records = sorted(_records(bucket) if after is None else _later(bucket, after))
            if records:
                yield b",".join(records)

    def sessions(self, after: float | None = None) -> dict[str, int]:
        """Return what `members` yields as a dict: sid to `until`."""
        sessions: dict[str, int] = loads(b"{%b}" % b",".join(self.members(after)))
        return sessions

    def reissued(self) -> dict[str, float]:
        """Return a copy: sid to the moment before which its tokens are refused."""
        return self._reissued.copy()

    def refused_keys(self) -> frozenset[str]:
        """Return the kids of the compromised keys."""
        return self._refused_keys

    def _put(self, sid: str, until: int) -> None:
        mark = _mark(sid)
        number, record = _bucket_of(mark), mark + b"%d" % until
        bucket = self._buckets[number]
        if mark not in bucket:
            self._buckets[number] = bucket + record
            self._count += 1
        elif record not in bucket:
            before, _, rest = bucket.partition(mark)
            held, start, after = rest.partition(_START)
            self._buckets[number] = before + mark + b"%d" % max(until, int(held)) + start + after


def _mark(sid: str) -> bytes:
    return b"\n%b:" % encode_basestring_ascii(sid).encode()


def _bucket_of(mark: bytes) -> int:
    # Not hash(), which differs between processes: their pages would differ too.
    return crc32(mark) % _BUCKETS


def _records(bucket: bytes) -> list[bytes]:
    """Return the bucket's records without their START."""
    return bucket.split(_START)[1:]


def _later(bucket: bytes, moment: float) -> list[bytes]:
    return [
        record for record in _records(bucket) if int(record[record.rindex(b":") + 1 :]) > moment
    ]
