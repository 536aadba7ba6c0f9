"""What a transaction notes is carried out once, after its commit and before the answer."""

from collections.abc import Collection
from contextlib import suppress

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from authapi.db import sessions
from authapi.db.database import Database, open_database
from authapi.db.models import RevokedReason
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from tests.support.api import Api, Tokens
from tests.support.clock import TestClock

EVENT = Event(EventType.SESSIONS_REVOKED, {"sids": [], "reason": "logout"})


def events(log: list[EventDict]) -> list[str]:
    """Return what was logged, but for the mail thread, which writes at a moment of its own."""
    return [line["event"] for line in log if line["event"] != "mail_not_sent"]


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


@pytest.fixture
def told() -> list[Collection[str]]:
    return []


@pytest.fixture
def database(api: Api, clock: TestClock, told: list[Collection[str]]) -> Database:
    """The same database, of a process that writes down what it is told."""
    url = api.app.state.runtime.settings.database_url
    return open_database(url, clock, on_revoked=told.append)


def test_a_revoked_session_is_told_after_the_commit(
    database: Database, tokens: Tokens, told: list[Collection[str]]
) -> None:
    with database.begin() as tx:
        sessions.revoke(tx, tokens.sid, RevokedReason.LOGOUT)
        assert told == []
    assert [set(sids) for sids in told] == [{tokens.sid}]
    database.close()


def test_an_event_is_logged_after_the_commit(database: Database) -> None:
    with capture_logs() as log:
        with database.begin() as tx:
            record(tx, EVENT)
            assert events(log) == []
        assert events(log) == ["sessions_revoked"]
    database.close()


def test_a_process_that_cannot_be_told_undoes_nothing(api: Api, tokens: Tokens) -> None:
    def fail(_sids: Collection[str]) -> None:
        raise OSError

    runtime = api.app.state.runtime
    database = open_database(runtime.settings.database_url, runtime.clock, on_revoked=fail)
    with capture_logs() as log, database.begin() as tx:
        sessions.revoke(tx, tokens.sid, RevokedReason.LOGOUT)
        record(tx, EVENT)
    assert events(log) == ["revocations_not_noted", "sessions_revoked"]
    database.close()


def test_a_raise_undoes_the_notes_too(
    database: Database, tokens: Tokens, told: list[Collection[str]]
) -> None:
    with capture_logs() as log, suppress(ZeroDivisionError), database.begin() as tx:
        sessions.revoke(tx, tokens.sid, RevokedReason.LOGOUT)
        record(tx, EVENT)
        _ = 1 / 0
    assert (told, events(log)) == ([], [])
    database.close()


def test_a_log_that_cannot_be_written_undoes_nothing(
    database: Database, tokens: Tokens, told: list[Collection[str]]
) -> None:
    """What can fail after the work is done never decides what the caller is told."""
    unprintable = Event(EventType.SESSIONS_REVOKED, {"level": "no such level"})
    with database.begin() as tx:
        sessions.revoke(tx, tokens.sid, RevokedReason.LOGOUT)
        record(tx, unprintable)
    assert [set(sids) for sids in told] == [{tokens.sid}]
    database.close()
