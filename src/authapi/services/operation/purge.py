"""Removes what nothing needs any more: on a thread of the service, or by `authapi purge`.

Batches of 1,000 rows in transactions of their own, with a pause after each: nobody waits long for
one. Of several processes one purges at a time.
"""

from collections.abc import Mapping
from random import uniform
from threading import Event, Thread

from authapi.clock import Clock
from authapi.config import Settings
from authapi.db import purge
from authapi.db.database import Database, open_database
from authapi.logs import log

BATCH_ROWS = 1000
PAUSE_SECONDS = 0.05
EVERY_SECONDS = 3600.0
FIRST_AFTER_SECONDS = 60.0


def purge_all(db: Database, settings: Settings, stopping: Event) -> Mapping[str, int]:
    """Delete what is old; return the number of rows by table. Raises Unavailable.

    Ends early if another process purges, or when `stopping` is set.
    """
    counts: dict[str, int] = {}
    rules = purge.rules(event_retention_days=settings.event_retention_days)
    for table, rule in rules.items():
        counts[table] = 0
        deleted = BATCH_ROWS
        while deleted == BATCH_ROWS and not stopping.is_set():
            with db.begin() as tx:
                if not purge.is_alone(tx):
                    return counts
                deleted = purge.delete_batch(tx, rule, BATCH_ROWS)
            counts[table] += deleted
            if deleted == BATCH_ROWS:
                stopping.wait(PAUSE_SECONDS)
    return counts


class Purge:
    """Purges every hour from `start` to `stop`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        if self._settings.purge and self._thread is None:
            self._thread = Thread(target=self._run, name="authapi-purge", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self._thread = None
        self._stopping.clear()  # it may be started again

    def _run(self) -> None:
        # A random part more, so that processes which started together take turns.
        pause = FIRST_AFTER_SECONDS * uniform(1, 2)  # noqa: S311
        while not self._stopping.wait(pause):
            pause = EVERY_SECONDS * uniform(1, 1.1)  # noqa: S311
            # A connection of its own, and only meanwhile: requests must not wait for it.
            db = open_database(self._settings.database_url, self._clock, connections=1)
            try:
                counts = purge_all(db, self._settings, self._stopping)
                if any(counts.values()):
                    log.info("purged", **counts)
            except Exception as error:  # noqa: BLE001 - it has to go on, whatever happens
                log.warning("not_purged", reason=repr(error))
            finally:
                db.close()
