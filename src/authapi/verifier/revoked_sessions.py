"""The sessions whose access tokens are refused although they have not expired."""

import math
import threading
from collections.abc import Iterator, Mapping
from typing import Protocol

from authapi.verifier.claims import Claims

# A dict of sids takes 160 bytes an entry. Here each of some thousand buckets is one bytes object,
# records end to end: START sid STOP until. Neither mark occurs in UTF-8, so a record is found by
# a plain search and no sid can look like two. That takes 40 bytes and half a microsecond.
_START, _STOP = b"\xff", b"\xfe"
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
        self._buckets: dict[int, bytes] = {}
        self._keys: frozenset[str] = frozenset()
        self._count = 0
        self._writing = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def refuses(self, claims: Claims) -> bool:
        """Whether the session or the key of these claims is revoked."""
        return claims.sid in self or claims.key_id in self._keys

    def __contains__(self, sid: str) -> bool:
        return _mark(sid) in self._buckets.get(_bucket_of(sid), b"")

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

    def sessions(self) -> dict[str, int]:
        """A copy: sid to `until`."""
        return {
            sid: until for bucket in list(self._buckets.values()) for sid, until in _read(bucket)
        }

    def prune(self, now: float) -> None:
        """Forget the sessions whose `until` has passed."""
        with self._writing:
            for number, bucket in list(self._buckets.items()):
                kept = {sid: until for sid, until in _read(bucket) if until > now}
                self._replace(number, bucket, kept)

    def _put(self, sid: str, until: int) -> None:
        number, record = _bucket_of(sid), _record(sid, until)
        bucket = self._buckets.get(number, b"")
        if _mark(sid) not in bucket:
            self._buckets[number] = bucket + record
            self._count += 1
        elif record not in bucket:
            held = dict(_read(bucket))
            self._replace(number, bucket, held | {sid: max(until, held[sid])})

    def _replace(self, number: int, bucket: bytes, sessions: Mapping[str, int]) -> None:
        self._count += len(sessions) - bucket.count(_START)
        if sessions:
            self._buckets[number] = b"".join(_record(*entry) for entry in sessions.items())
        else:
            del self._buckets[number]


def _bucket_of(sid: str) -> int:
    return hash(sid) % _BUCKETS


def _mark(sid: str) -> bytes:
    return _START + sid.encode() + _STOP


def _record(sid: str, until: int) -> bytes:
    return _mark(sid) + b"%d" % until


def _read(bucket: bytes) -> Iterator[tuple[str, int]]:
    for record in bucket.split(_START)[1:]:
        sid, until = record.split(_STOP)
        yield sid.decode(), int(until)
