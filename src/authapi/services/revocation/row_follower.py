"""Changes the rows of stopped sessions, on a thread, in batches (see stopping.py).

The sessions are out of force before. Each process of the service does it: two of them take
different rows.
"""

from time import monotonic

from authapi.background import Background
from authapi.clock import Clock
from authapi.config import Settings
from authapi.db import stops
from authapi.db.database import open_database
from authapi.logs import log
from authapi.services.revocation.stopping import change_rows

INTERVAL_SECONDS = 5.0
# The pause after a batch is so many times as long as the batch: requests come first.
PAUSE_PER_BATCH = 4


class RowFollower(Background):
    """Follows every INTERVAL_SECONDS from `start` to `stop`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__("authapi-rows")
        # A pool of its own: it takes no connection from requests.
        self._db = open_database(settings.database_url, clock, connections=1)

    def stop(self) -> None:
        super().stop()
        self._db.close()

    def follow(self) -> bool:
        """Change a batch of rows of each stop. Return whether rows may be left.

        Raises Unavailable.
        """
        with self._db.connect() as connection:
            waiting = stops.list_unfollowed(connection)
        has_more = False
        for stop in waiting:
            if self._stopping.is_set():
                break
            _, is_left = change_rows(self._db, stop)
            has_more |= is_left
        return has_more

    def _run(self) -> None:
        failed = False
        pause = INTERVAL_SECONDS
        while not self._stopping.wait(pause):
            began = monotonic()
            try:
                has_more = self.follow()
                failed = False
            except Exception as error:  # noqa: BLE001 - it has to go on, whatever happens
                if not failed:
                    log.warning("stopped_sessions_not_followed", reason=repr(error))
                failed, has_more = True, False
            pause = INTERVAL_SECONDS
            if has_more:
                pause = min(PAUSE_PER_BATCH * (monotonic() - began), INTERVAL_SECONDS)
