"""The sessions whose access tokens are refused although they have not expired."""

import math
import threading
from collections.abc import Iterator, Mapping
from json import loads
from json.encoder import encode_basestring_ascii
from typing import Protocol
from zlib import crc32

from authapi.verifier.claims import Claims

# A dict of sids takes 160 bytes an entry. Here each of some thousand buckets is one bytes object,
# records end to end: START "sid":until, the latter as it stands in a page of the feed. START does
# not occur in a JSON string, so a record is found by a plain search and no sid can look like two.
# That takes 38 bytes and half a microsecond.
_START = b"\n"
_BUCKETS = 4096


class Revocations(Protocol):
    """Who is asked about every token, after the map of verified ones."""

    def refuses(self, claims: Claims) -> bool:
        """Whether the session or the key is revoked. May raise VerifierNotReadyError."""


class RevokedSessions:
    """Revoked `sid`s until their last access token has run out, and compromised `kid`s.

    Reading takes no lock: a bucket is replaced as a whole. `until` is Unix seconds; it only
    says how long an entry is kept, one that is still there refuses.
    """

    def __init__(self) -> None:
        self._buckets = [b""] * _BUCKETS
        self._keys: frozenset[str] = frozenset()
        self._count = 0
        self._writing = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def refuses(self, claims: Claims) -> bool:
        """Whether the session or the key of these claims is revoked."""
        return claims.key_id in self._keys or claims.sid in self

    def __contains__(self, sid: str) -> bool:
        mark = _mark(sid)
        return mark in self._buckets[_bucket_of(mark)]

    def add(self, sid: str, until: float) -> None:
        """Refuse the session from now on; of two `until`s the later one counts."""
        self.merge({sid: until})

    def merge(self, sessions: Mapping[str, float]) -> None:
        """Add many: sid to `until`. Nothing that is already held is lost."""
        with self._writing:
            for sid, until in sessions.items():
                self._put(sid, math.ceil(until))

    def refuse_key(self, kid: str) -> None:
        """Refuse whatever that key signed, for good."""
        with self._writing:
            self._keys |= {kid}

    def refused_keys(self) -> frozenset[str]:
        return self._keys

    def members(self, after: float | None = None) -> Iterator[bytes]:
        """What a JSON object of sids to `until`s has between its braces, about 1/4096 at a time.

        The same bytes in the same order wherever the same is held. `after` leaves out those whose
        `until` is not later.
        """
        for bucket in self._buckets:
            records = sorted(_records(bucket) if after is None else _later(bucket, after))
            if records:
                yield b",".join(records)

    def sessions(self) -> dict[str, int]:
        """A copy: sid to `until`."""
        sessions: dict[str, int] = loads(b"{" + b",".join(self.members()) + b"}")
        return sessions

    def prune(self, now: float) -> None:
        """Forget the sessions whose `until` has passed."""
        with self._writing:
            for number, bucket in enumerate(self._buckets):
                kept = _later(bucket, now)
                forgotten = bucket.count(_START) - len(kept)
                if forgotten:
                    self._buckets[number] = b"".join(_START + record for record in kept)
                    self._count -= forgotten

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
    # Not hash(), which differs from process to process: pages would differ too.
    return crc32(mark) % _BUCKETS


def _records(bucket: bytes) -> list[bytes]:
    """Without their starts."""
    return bucket.split(_START)[1:]


def _later(bucket: bytes, moment: float) -> list[bytes]:
    return [
        record for record in _records(bucket) if int(record[record.rindex(b":") + 1 :]) > moment
    ]
