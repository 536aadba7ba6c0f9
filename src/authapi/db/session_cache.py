"""A cache of sessions in Redis, for the look-up of each request. Optional.

An entry is written once (SET NX). A revocation replaces it by a tombstone, so that a late reader of
the row can't put it back. The revocation set is asked after the cache. Without Redis the database
answers.

Redis is not trusted: an entry counts only if authapi has signed it for its session. Any other one
is dropped and counted, and the database answers. A forged tombstone costs a query.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from time import monotonic
from typing import Any

from authapi.db.session_lookups import FoundSession
from authapi.errors import Unavailable
from authapi.logs import log
from authapi.tally import Tally

KEY_PREFIX = "authapi:session:"
TOMBSTONE = b"revoked"
FORGET_SCRIPT = "if redis.call('get', KEYS[1]) ~= ARGV[1] then redis.call('del', KEYS[1]) end"
# Shorter than the revocation set's window, which so covers every stale entry.
KEPT_SECONDS = 600
TIMEOUT_SECONDS = 0.2
MOST_TOMBSTONES = 100  # written one by one, before an answer
# No request tries Redis for so long after a failure.
PAUSE_SECONDS = 1.0
# One line in the log for so long, however many entries are refused.
TELL_AGAIN_SECONDS = 3600.0

Sign = Callable[[str, bytes], bytes]  # the sid and the value
Verify = Callable[[str, bytes], bytes | None]  # the sid and the entry


def obeys_anybody(redis_url: str) -> bool:
    """Return whether Redis answers without a password. Raises Unavailable if it does not answer."""
    from redis import Redis
    from redis.exceptions import AuthenticationError, RedisError

    anybody = Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
    for given in ("username", "password"):
        anybody.connection_pool.connection_kwargs.pop(given, None)
    try:
        with anybody:
            anybody.ping()
    except AuthenticationError:
        return False
    except RedisError as error:
        raise Unavailable from error
    return True


class SessionCache:
    """A cache in Redis. Without a URL it holds nothing. `refused` counts entries not signed."""

    def __init__(self, redis_url: str | None, sign: Sign, verify: Verify) -> None:
        self._sign, self._verify = sign, verify
        self.refused = Tally("entries")
        self._quiet_until = 0.0
        self._redis: Any = None
        self._away_until = 0.0
        if redis_url:
            from redis import Redis  # at the first use

            self._redis = Redis.from_url(
                redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
            )

    @property
    def is_there(self) -> bool:
        """Return whether Redis can be asked now."""
        return self._redis is not None and monotonic() >= self._away_until

    @property
    def is_used(self) -> bool:
        return self._redis is not None

    def answers(self) -> bool:
        """Ask Redis whether it is there."""
        return self._do("ping") is not None

    def find(self, sids: Sequence[str]) -> dict[str, FoundSession]:
        """Return the cached ones of these sessions. A revoked one is not among them."""
        values = self._do("mget", [KEY_PREFIX + sid for sid in sids])
        if not isinstance(values, list):
            return {}
        found = ((sid, self._read(sid, value)) for sid, value in zip(sids, values, strict=True))
        return {sid: session for sid, session in found if session}

    def _read(self, sid: str, value: object) -> FoundSession | None:
        if not isinstance(value, bytes) or value == TOMBSTONE:
            return None
        if (signed := self._verify(sid, value)) is None:
            self._refuse(sid)
            return None
        try:
            return FoundSession(**json.loads(signed))
        except (TypeError, ValueError):  # another release wrote it
            self.forget(sid)
            return None

    def _refuse(self, sid: str) -> None:
        self.refused.add("entries")
        self.forget(sid)
        if monotonic() >= self._quiet_until:
            self._quiet_until = monotonic() + TELL_AGAIN_SECONDS
            log.warning("redis_entry_refused", sid=sid)

    def keep(self, session: FoundSession, *, now: float) -> None:
        """Cache the session for KEPT_SECONDS, or as long as it lives."""
        lives = int(min(KEPT_SECONDS, session.expires_at - now))
        if lives > 0:
            entry = self._sign(session.sid, json.dumps(asdict(session)).encode())
            self._do("set", KEY_PREFIX + session.sid, entry, ex=lives, nx=True)

    def forget(self, sid: str) -> None:
        """Drop a session that has changed. A tombstone stays."""
        self._do("eval", FORGET_SCRIPT, 1, KEY_PREFIX + sid, TOMBSTONE)

    def revoke(self, sids: Iterable[str]) -> None:
        """Put tombstones in the place of the sessions. Of many, the first MOST_TOMBSTONES.

        The revocation set refuses them all. A tombstone only spares a look-up.
        """
        for sid in islice(sids, MOST_TOMBSTONES):
            self._do("set", KEY_PREFIX + sid, TOMBSTONE, ex=KEPT_SECONDS)

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
            self._away_until = monotonic() + PAUSE_SECONDS
            log.warning("redis_out_of_reach", reason=type(error).__name__)
            return None
