"""Removes what nothing needs any more: on a thread of the service, or by `authapi purge`.

Batches of at most 1,000 rows, in transactions of their own: after a slow batch the next one is
smaller, so that nobody waits long for what it locks. A pause after each batch is nine times as long
as the batch: a purge takes a tenth of one core or disk. Of several processes one purges at a time.
"""

from collections.abc import Iterator, Mapping
from random import uniform
from threading import Event
from time import monotonic

from authapi.background import Background
from authapi.clock import Clock
from authapi.config import Settings
from authapi.db import purge
from authapi.db.database import Database, open_database
from authapi.errors import Unavailable
from authapi.logs import log

BATCH_ROWS, LEAST_ROWS = 1000, 100
BATCH_SECONDS = 0.025  # the next batch has half as many rows, or twice as many
PAUSE_OF_BATCH = 9  # times as long
EVERY_SECONDS = 3600.0
FIRST_AFTER_SECONDS = 60.0


def purge_all(db: Database, settings: Settings, stopping: Event) -> Mapping[str, int]:
    """Delete what is old; return the number of rows by table.

    Leaves out what another process purges now, and ends early when `stopping` is set. After a table
    that can't be purged the next one follows. Raises Unavailable at the end, if there was one.
    """
    rules = purge.rules(event_retention_days=settings.event_retention_days)
    counts = {rule.table: 0 for rule in rules}
    problem: Unavailable | None = None
    for rule in rules:
        try:
            for deleted in _batches(db, rule, stopping):
                counts[rule.table] += deleted
        except Unavailable as error:
            problem = error
            log.warning("not_purged", table=rule.table, reason=repr(error.__cause__ or error))
    if any(counts.values()):
        log.info("purged", **counts)
    if problem:
        raise problem
    return counts


def _batches(db: Database, rule: purge.Rule, stopping: Event) -> Iterator[int]:
    """Delete batch after batch; yield how many rows each had."""
    rows = BATCH_ROWS
    while not stopping.is_set():
        began = monotonic()
        with db.begin() as tx:
            deleted = purge.delete_batch(tx, rule, rows) if purge.is_alone(tx) else 0
        took = monotonic() - began
        yield deleted
        if deleted < rows:
            return
        rows = max(rows // 2, LEAST_ROWS) if took > BATCH_SECONDS else min(rows * 2, BATCH_ROWS)
        stopping.wait(took * PAUSE_OF_BATCH)


class Purge(Background):
    """Purges every hour from `start` to `stop`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__("authapi-purge")
        self._settings, self._clock = settings, clock

    def start(self) -> None:
        if self._settings.purge:
            super().start()

    def _run(self) -> None:
        # A random part more, so that processes which started together take turns.
        pause = FIRST_AFTER_SECONDS * uniform(1, 2)  # noqa: S311
        while not self._stopping.wait(pause):
            pause = EVERY_SECONDS * uniform(1, 1.1)  # noqa: S311
            # A connection of its own, and only meanwhile: requests must not wait for it.
            db = open_database(self._settings.database_url, self._clock, connections=1)
            try:
                purge_all(db, self._settings, self._stopping)
            except Unavailable:
                pass  # logged, with the table
            except Exception as error:  # noqa: BLE001 - it has to go on, whatever happens
                log.warning("not_purged", reason=repr(error))
            finally:
                db.close()
