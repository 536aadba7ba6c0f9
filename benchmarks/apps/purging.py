"""A purge as a service does it, until standard input ends.

`python -m benchmarks.apps.purging DATABASE_URL`

Says "begun" after the first batch. At the end it prints how long each batch's transaction took, in
seconds, and how many rows went: a JSON object.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread
from time import perf_counter
from typing import cast

import structlog

from authapi import clock
from authapi.config import Settings
from authapi.db.database import Database, Transaction, open_database
from authapi.services.operation.purge import purge_all


class Timed:
    """The database of a purge; notes how long each transaction holds what it locks."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.seconds: list[float] = []

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._db.begin() as tx:
            began = perf_counter()  # connected: from here on something is locked
            yield tx
        if not self.seconds:
            sys.stdout.write("begun\n")
            sys.stdout.flush()
        self.seconds.append(perf_counter() - began)


def main(url: str) -> dict[str, object]:
    # What a purge logs goes to the standard output, where the figures go.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    stopping = Event()
    settings = Settings(database_url=url, secret="no secret is needed to delete a row")  # noqa: S106

    def stop_at_the_end() -> None:
        sys.stdin.read()
        stopping.set()

    Thread(target=stop_at_the_end, daemon=True).start()
    with closing(open_database(url, clock.now, connections=1)) as db:
        timed = Timed(db)
        counts = purge_all(cast("Database", timed), settings, stopping)
    return {"seconds": timed.seconds, "rows": counts["sessions"], "is_done": not stopping.is_set()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])))
