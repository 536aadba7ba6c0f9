"""Connects to the one of several hosts that takes writes, though another is dead.

libpq asks one host after the other, and waits two seconds for one that answers nothing, which is
too long for a request. So the host that took writes last is first, and the next one is asked soon.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Thread
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from authapi.db.engines.postgresql import (
    CONNECT_SECONDS,
    BoundedConnection,
    NoAnswerError,
    close_late,
    connect,
)

NEXT_HOST_SECONDS = 0.3

Options = dict[str, Any]
Attempt = Future[BoundedConnection]


class Hosts:
    """The hosts of one URL."""

    def __init__(self) -> None:
        self._good: Options = {}  # the host and port that took writes last

    def connect(
        self, dialect: Dialect, record: ConnectionPoolEntry, args: list[Any], options: Options
    ) -> BoundedConnection:
        """Connect within CONNECT_SECONDS, or raise psycopg.OperationalError."""
        hosts = sorted(split(options), key=lambda host: host != self._good)
        if not hosts:
            return connect(dialect, record, args, options)

        def begin(host: Options) -> Attempt:
            attempt: Attempt = Future()

            def run() -> None:
                try:
                    attempt.set_result(connect(dialect, record, args, {**options, **host}))
                except psycopg.Error as error:
                    attempt.set_exception(error)

            Thread(target=run, name="authapi-host", daemon=True).start()
            return attempt

        connection, self._good = _first(hosts, begin)
        return connection


def _first(
    hosts: list[Options], begin: Callable[[Options], Attempt]
) -> tuple[BoundedConnection, Options]:
    ends_at, running = monotonic() + CONNECT_SECONDS, dict[Attempt, Options]()
    no_answer = NoAnswerError("the database did not answer in time")
    error: BaseException = no_answer
    for number, host in enumerate(hosts, 1):
        running[begin(host)] = host
        until = monotonic() + NEXT_HOST_SECONDS if number < len(hosts) else ends_at
        while running and (done := wait(running, until - monotonic(), FIRST_COMPLETED).done):
            for attempt in done:
                good = running.pop(attempt)
                if (failure := attempt.exception()) is None:
                    _give_up(running)
                    return attempt.result(), good
                error = failure
    _give_up(running)
    raise no_answer if running else error


def _give_up(running: Iterable[Attempt]) -> None:
    for attempt in running:
        attempt.add_done_callback(close_late)


def split(options: Mapping[str, Any]) -> list[Options]:
    """Return the host and port of each host; none where there is one host only."""
    hosts = str(options.get("host", "")).split(",")
    ports = str(options.get("port", "")).split(",")
    if len(hosts) < 2 or "hostaddr" in options:
        return []
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return [{"host": host, "port": port} for host, port in zip(hosts, ports, strict=False)]
