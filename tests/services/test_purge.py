"""What a purge removes, and what it must leave."""

from collections.abc import Callable, Mapping
from threading import Event
from time import sleep
from typing import Any

import pytest
from sqlalchemy import event, text

from authapi.db import purge
from authapi.db.database import Database
from authapi.services.operation.purge import BATCH_SECONDS, PAUSE_OF_BATCH, purge_all
from authapi.verifier.lifetimes import WINDOW_SECONDS
from tests.support.api import Api
from tests.support.application import MakeSettings
from tests.support.clock import TestClock
from tests.support.until import until

DAY = 86400
Counts = Callable[[], Mapping[str, int]]


@pytest.fixture
def counts(db: Database, make_settings: MakeSettings) -> Counts:
    return lambda: purge_all(db, make_settings(), Event())


def test_a_session_stays_until_the_revocation_window_has_passed(
    api: Api,
    counts: Counts,
    clock: TestClock,
) -> None:
    tokens = api.register_and_login()
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    clock.advance(WINDOW_SECONDS)
    assert counts()["sessions"] == 0
    clock.advance(61)
    assert counts()["sessions"] == 1
    answer = api.client.post("/refresh", json={"refresh_token": tokens.refresh})
    assert answer.status_code == 401
    again = api.client.post("/logout", json={"refresh_token": tokens.refresh})
    assert again.status_code == 204


def test_a_session_in_force_stays(api: Api, counts: Counts, clock: TestClock) -> None:
    tokens = api.register_and_login()
    clock.advance(6 * DAY)
    assert counts()["sessions"] == 0
    assert api.refresh(tokens.refresh).status_code == 200


def test_events_and_mails_go_after_their_time(api: Api, counts: Counts, clock: TestClock) -> None:
    api.register()
    sender = api.app.state.runtime.mail_sender
    until(lambda: sender.depth() == (0, 0.0))
    clock.advance(8 * DAY)
    assert counts()["outbox"] == 1
    assert counts()["links"] == 0
    clock.advance(365 * DAY)
    assert counts()["events"] >= 1


def test_it_deletes_in_batches_and_not_beside_another_process(
    api: Api,
    db: Database,
    counts: Counts,
    clock: TestClock,
) -> None:
    api.register_and_login()
    with db.begin() as tx:
        for number in range(2500):
            tx.execute(
                text("INSERT INTO events (id, type, at, details) VALUES (:id, 'x', 0, '{}')"),
                {"id": f"{number:022d}"},
            )
    if db.engine.dialect.name == "postgresql":
        with db.begin() as other:
            assert purge.is_alone(other)
            assert sum(counts().values()) == 0
    assert counts()["events"] == 2500


class RecordedPauses(Event):
    """Never set, and never waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return False


def test_slow_batches_get_smaller_and_pauses_longer(
    api: Api, db: Database, make_settings: MakeSettings
) -> None:
    """Kind: a batch locks for as long as the database is slow, and takes all of its time."""
    api.register()
    row = text("INSERT INTO events (id, type, at, details) VALUES (:id, 'x', 0, '{}')")
    with db.begin() as tx:
        tx.execute(row, [{"id": f"{number:022d}"} for number in range(2500)])
    deleted: list[int] = []

    def delay(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM events"):
            sleep(2 * BATCH_SECONDS)
            deleted.append(cursor.rowcount)

    event.listen(db.engine, "after_cursor_execute", delay)
    pauses = RecordedPauses()
    assert purge_all(db, make_settings(), pauses)["events"] == 2500
    event.remove(db.engine, "after_cursor_execute", delay)
    assert deleted == [1000, 500, 250, 125, 100, 100, 100, 100, 100, 100, 25]
    assert len(pauses.seconds) == 10
    assert min(pauses.seconds) >= PAUSE_OF_BATCH * 2 * BATCH_SECONDS
