"""Poll the database for revocations and keys, so that a process is a second behind at most.

A poll is one statement, from LOOK_BACK_SECONDS before the last one. It reads the whole window
every FULL_POLL_INTERVAL_SECONDS of the database's clock, when that was turned back, and after any
failure. On PostgreSQL a notification starts a poll early.
"""

from collections.abc import Mapping
from time import monotonic

from authapi.background import Background
from authapi.clock import Clock
from authapi.config import Settings
from authapi.db.clock import read_clock
from authapi.db.database import open_database
from authapi.db.engines.listener import Listener
from authapi.db.revocations import Changes, read_changes
from authapi.db.stops import read_sids
from authapi.logs import log
from authapi.services.keys.ring import KeyRing
from authapi.services.keys.rotation import load_signing_keys, rotate_old_key
from authapi.services.revocation.feed import RevocationFeed
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS, WINDOW_SECONDS

FULL_POLL_INTERVAL_SECONDS = 60.0
# The pause after a poll is at least this many times as long as the poll.
PAUSE_PER_POLL = 4
ACCOUNTS_A_READING = 500


class RevocationPoll(Background):
    """Polls every REVOCATION_POLL seconds from `start` to `stop`. The caller polls first."""

    def __init__(
        self, settings: Settings, ring: KeyRing, feed: RevocationFeed, clock: Clock
    ) -> None:
        super().__init__("authapi-poll")
        self._settings, self._ring, self._feed, self._clock = settings, ring, feed, clock
        # A pool of its own: requests that use up theirs must not delay a poll.
        self.db = open_database(settings.database_url, clock, connections=1)
        self._listener = Listener(settings.database_url)
        self._known_keys: dict[str, float] = {}
        self._known_stops: dict[str, float] = {}  # accounts and generations, since the last poll
        self._full_at: float | None = None  # the database's time of the last whole window

    def stop(self) -> None:
        self._stopping.set()
        self._feed.poll_soon.set()
        super().stop()
        self.db.close()

    def poll(self) -> None:
        """Learn what has changed. Raises Unavailable; OperatorError for keys of another SECRET."""
        asked_at, last = self._clock(), self._feed.as_of
        full_at, self._full_at = self._full_at, None  # after a failure the whole window is read
        with self.db.connect() as connection:
            now = read_clock(connection)
            is_recent = full_at is not None and 0 <= now - full_at < FULL_POLL_INTERVAL_SECONDS
            whole_window = last is None or not is_recent
            since = now - WINDOW_SECONDS
            if last is not None and is_recent:
                since = min(last, now) - LOOK_BACK_SECONDS
            changes = read_changes(connection, since, as_of=now)
        self._read_stopped(changes, {} if whole_window else self._known_stops)
        try:
            # Keys first: a service that hears of a compromised key fetches the key set at once, and
            # must find the successor there.
            # A leap of the clock may have dropped keys that verify again.
            if changes.keys != self._known_keys or (last is not None and now < last):
                load_signing_keys(self.db, self._settings, self._ring)
                self._known_keys = changes.keys
            self._ring.settle(changes.as_of)
        finally:
            self._feed.learn(changes, asked_at=asked_at)
            self._full_at = now if whole_window else full_at
        if whole_window:
            self._feed.forget_old()
            rotate_old_key(self.db, self._settings)

    def _read_stopped(self, changes: Changes, known: Mapping[str, float]) -> None:
        """Add the sessions of stops to the changes, but for known stops."""
        new = changes.stopped.items() - known.items()
        accounts = [user_id for user_id, _ in new]
        for start in range(0, len(accounts), ACCOUNTS_A_READING):
            with self._feed.reading, self.db.connect(in_portions=True) as connection:
                some = accounts[start : start + ACCOUNTS_A_READING]
                changes.revoked.update(read_sids(connection, some))
        self._known_stops = changes.stopped

    def _run(self) -> None:
        failed, began, interval = False, monotonic(), self._settings.revocation_poll
        while True:
            self._listener.wait(interval - (monotonic() - began), self._feed.poll_soon)
            self._feed.poll_soon.clear()
            if self._stopping.is_set():
                break
            began = monotonic()
            try:
                self.poll()
                failed = False
            except Exception as error:  # noqa: BLE001 - it has to go on, whatever happens
                if not failed:
                    log.warning("revocations_not_updated", reason=repr(error))
                failed = True
            self._stopping.wait(min(PAUSE_PER_POLL * (monotonic() - began), interval))
        self._listener.close()
