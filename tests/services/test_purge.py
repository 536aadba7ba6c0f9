"""What a purge removes, and what it must leave."""

from collections.abc import Callable, Mapping
from threading import Event
from time import sleep
from typing import Any

import pytest
from sqlalchemy import event, select, text

from authapi.db import purge, stops, users
from authapi.db.database import Database
from authapi.db.models import RevokedReason, Stop
from authapi.errors import Unavailable
from authapi.services.accounts.administration import sign_out_user
from authapi.services.operation.purge import BATCH_SECONDS, PAUSE_OF_BATCH, purge_all
from authapi.verifier.lifetimes import WINDOW_SECONDS
from tests.support.api import Api
from tests.support.application import MakeSettings
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only
from tests.support.known_addresses import known_digests
from tests.support.logging import captured
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


def test_known_devices_and_names_that_rest_no_more_go_for_all_accounts(
    api: Api, db: Database, counts: Counts, clock: TestClock
) -> None:
    api.register(username="ada")
    tokens = api.login()
    api.expect(200, "PATCH", "/me", json={"username": "countess"}, headers=tokens.bearer)
    clock.advance(30 * DAY - 1)
    assert (counts()["known_addresses"], counts()["released_names"]) == (0, 0)
    clock.advance(1)
    done = counts()
    assert (done["known_addresses"], done["released_names"]) == (3, 1)
    assert known_digests(db) == []


@postgresql_only
@pytest.mark.parametrize("number", range(len(purge.rules(event_retention_days=365))))
def test_each_rule_reads_an_index_from_its_old_end(db: Database, number: int) -> None:
    """A table of millions is read whole otherwise, which the time of a statement cuts off."""
    rule = purge.rules(event_retention_days=365)[number]
    plans: list[str] = []
    with db.begin() as tx:
        for way in ("seqscan", "bitmapscan", "sort"):
            tx.execute(text(f"SET LOCAL enable_{way} = off"))
        # What is old, as delete_batch asks for it.
        old = rule.ended <= select(text("extract(epoch FROM now())")).scalar_subquery()
        never = [rule.never.is_(None)] if rule.never is not None else []
        statement = select(rule.key).where(old, *never).order_by(rule.ended).limit(10)
        sql = str(statement.compile(tx.engine, compile_kwargs={"literal_binds": True}))
        plans += tx.exec_driver_sql(f"EXPLAIN {sql}").scalars()
    plan = "\n".join(plans)
    assert "Sort" not in plan
    assert f"{rule.table}_{rule.ended.key}_idx" in plan


@postgresql_only
def test_after_a_table_that_somebody_holds_the_next_one_is_purged(
    api: Api, db: Database, counts: Counts, clock: TestClock
) -> None:
    api.register_and_login()
    clock.advance(366 * DAY)
    with db.engine.connect() as other, other.begin(), captured("json") as log:
        # A busy machine takes longer over the purge than an idle transaction may last.
        other.execute(text("SET LOCAL idle_in_transaction_session_timeout = 60000"))
        other.execute(text("LOCK TABLE links IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(Unavailable):
            counts()
    assert log.event("not_purged")["table"] == "links"
    assert log.event("purged")["events"] == 2
    assert counts()["events"] == 0


@postgresql_only
def test_a_new_stop_of_an_account_is_not_purged_with_its_old_one(
    api: Api, db: Database, counts: Counts, clock: TestClock
) -> None:
    user_id = str(api.register()["id"])
    sign_out_user(db, user_id)
    clock.advance(3 * WINDOW_SECONDS)
    with db.begin() as tx:
        users.lock(tx, user_id)
        stops.add(tx, user_id, RevokedReason.LOGOUT_ALL)
        assert counts()["stops"] == 0  # it waits for nobody
    assert counts()["stops"] == 0
    with db.connect() as connection:
        assert connection.scalars(select(Stop.user_id)).all() == [user_id]


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
