"""Keeps a process's revocations and keys as the database has them, a second behind at most.

One statement a poll, read LOOK_BACK behind the last one; every FULL_EVERY seconds, and after any
failure, the whole window. On PostgreSQL a notification wakes the poll, and nothing more.
"""

from threading import Event, Thread
from time import monotonic

import structlog

from authapi.clock import Clock
from authapi.config import Settings
from authapi.db.engine import open_database
from authapi.db.listener import Listener
from authapi.db.revocations import read_changes, read_clock
from authapi.services.key_ring import KeyRing
from authapi.services.key_rotation import load_signing_keys, rotate_old_key
from authapi.services.revocation_feed import LOOK_BACK, WINDOW, RevocationFeed

log = structlog.get_logger()

FULL_EVERY = 60.0


class RevocationPoll:
    def __init__(
        self, settings: Settings, ring: KeyRing, feed: RevocationFeed, clock: Clock
    ) -> None:
        self._settings, self._ring, self._feed, self._clock = settings, ring, feed, clock
        # A connection of its own: requests that use up theirs must not make it stale.
        self.db = open_database(settings.database_url, clock, connections=1)
        self._listener = Listener(settings.database_url)
        self._known_keys: dict[str, float] = {}
        self._full_at = 0.0
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Poll every REVOCATION_POLL seconds, on a thread of its own, until `stop`."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="authapi-poll", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._feed.poll_soon.set()
        if self._thread:
            self._thread.join()
        self.db.close()

    def poll(self) -> None:
        """Learn what has changed. Raises Unavailable; CommandError for keys of another SECRET."""
        asked_at, last = self._clock(), self._feed.as_of
        whole_window = last is None or monotonic() >= self._full_at
        with self.db.autocommit() as tx:
            now = read_clock(tx)
            since = now - WINDOW if last is None or whole_window else min(last, now) - LOOK_BACK
            changes = read_changes(tx, since, as_of=now)
        self._feed.learn(changes, asked_at=asked_at)
        self._follow_keys(changes.keys, changes.as_of)
        if whole_window:
            self._feed.forget_old()
            rotate_old_key(self.db, self._settings)
            self._full_at = monotonic() + FULL_EVERY

    def _follow_keys(self, signs_from: dict[str, float], now: float) -> None:
        if signs_from != self._known_keys:
            load_signing_keys(self.db, self._settings, self._ring)
            self._known_keys = signs_from
        self._ring.settle(now)

    def _run(self) -> None:
        failed = False
        while not self._stopping.is_set():
            try:
                self.poll()
                failed = False
            except Exception as error:  # noqa: BLE001 - it has to go on, whatever happens
                self._full_at = 0.0  # whatever was missed is in the window
                if not failed:
                    log.warning("revocations_not_updated", reason=repr(error))
                failed = True
            self._listener.wait(self._settings.revocation_poll, self._feed.poll_soon)
            self._feed.poll_soon.clear()
        self._listener.close()
