"""Waiting for another process's change, where the process itself is in trouble."""

import os
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from time import monotonic

import psycopg
import pytest

from authapi.db.engines.listener import Listener
from authapi.db.revocations import CHANNEL
from tests.support.postgresql import PostgreSQL


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    """As when a flood of connections has taken them all."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.fixture
def url(postgresql: PostgreSQL) -> Iterator[str]:
    with postgresql.database() as name:
        yield postgresql.url(name)


def test_a_notification_is_heard_without_a_free_descriptor(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other, closing(Listener(url)) as listener:
        listener.wait(0.01, Event())  # connects
        with no_free_descriptor():
            other.execute(f"NOTIFY {CHANNEL}")
            began = monotonic()
            listener.wait(30, Event())
            assert monotonic() - began < 10


def test_the_wait_ends_where_the_connection_does(url: str) -> None:
    """Whoever polls then hears what it would have been told."""
    with psycopg.connect(url, autocommit=True) as other, closing(Listener(url)) as listener:
        listener.wait(0.01, Event())
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        began = monotonic()
        listener.wait(30, Event())
        assert monotonic() - began < 10
