"""Sessions in Redis, so that the look-up of each request spares the database. Optional.

An entry is written once per session and reading (SET NX), and replaced by a tombstone when the
session is revoked: whoever read the row just before can't put it back. What Redis answers is
never the last word: the revocation set is asked after it. Redis gone means the database answers.
"""

import json
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any

import structlog

from authapi.db.session_lookups import FoundSession

log = structlog.get_logger()

PREFIX = "authapi:session:"
REVOKED = b"revoked"
FORGET = "if redis.call('get', KEYS[1]) ~= ARGV[1] then redis.call('del', KEYS[1]) end"
# Shorter than the revocation set's window, which so covers every entry that could be stale.
KEPT_FOR = 600
TIMEOUT = 0.2
# After a failure Redis is left alone for so many seconds: a request must not wait for each try.
PAUSE = 1.0


class SessionCache:
    """Without a URL it holds nothing."""

    def __init__(self, redis_url: str | None) -> None:
        self._redis = _connect(redis_url) if redis_url else None
        self._away_until = 0.0

    @property
    def is_there(self) -> bool:
        """Whether there is a Redis to ask now."""
        return self._redis is not None and monotonic() >= self._away_until

    def find(self, sids: Sequence[str]) -> dict[str, FoundSession]:
        """Those that are there; what was revoked, or can't be asked for, is not."""
        values = self._do("mget", [PREFIX + sid for sid in sids])
        if not isinstance(values, list):
            return {}
        found = ((sid, self._read(sid, value)) for sid, value in zip(sids, values, strict=True))
        return {sid: session for sid, session in found if session}

    def _read(self, sid: str, value: object) -> FoundSession | None:
        if not isinstance(value, bytes) or value == REVOKED:
            return None
        try:
            return FoundSession(**json.loads(value))
        except (TypeError, ValueError):  # another release wrote it
            self.forget(sid)
            return None

    def keep(self, session: FoundSession, *, now: float) -> None:
        """For KEPT_FOR seconds, or as long as it lives."""
        lives = int(min(KEPT_FOR, session.expires_at - now))
        if lives > 0:
            value = json.dumps(session.as_json())
            self._do("set", PREFIX + session.sid, value, ex=lives, nx=True)

    def forget(self, sid: str) -> None:
        """It changed: the next look-up reads it anew. A tombstone stays."""
        self._do("eval", FORGET, 1, PREFIX + sid, REVOKED)

    def revoke(self, sids: Iterable[str]) -> None:
        for sid in sids:
            self._do("set", PREFIX + sid, REVOKED, ex=KEPT_FOR)

    def close(self) -> None:
        if self._redis:
            self._redis.close()

    def _do(self, command: str, *args: object, **more: object) -> object:
        if not self.is_there:
            return None
        from redis.exceptions import RedisError

        try:
            return getattr(self._redis, command)(*args, **more)
        except RedisError as error:
            self._away_until = monotonic() + PAUSE
            log.warning("redis_out_of_reach", reason=type(error).__name__)
            return None


def _connect(url: str) -> Any:  # noqa: ANN401 - redis is imported only where it is used
    from redis import Redis

    return Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
