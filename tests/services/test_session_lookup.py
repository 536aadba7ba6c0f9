"""Transport `session` without Redis: one statement a request, one more in a minute."""

import pytest
from sqlalchemy import delete

from authapi.db import session_lookups
from authapi.db.database import Database
from authapi.db.models import User
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.rows import every_row
from tests.support.transports import Holder

HOUR, DAY, WEEK = 3600, 86400, 604800


@pytest.fixture
def holder(api: Api) -> Holder:
    api.register()
    holder = Holder(api, "session").log_in()
    assert holder.is_in()  # the first request of all prepares things
    return holder


def cost(holder: Holder, status: int = 204) -> int:
    """How many statements a request costs that does nothing else."""
    statements = holder.api.app.state.runtime.db.statements
    before: int = statements.count
    assert holder.status("GET", "/verify") == status
    return int(statements.count) - before


def test_a_request_costs_one_statement(holder: Holder) -> None:
    assert [cost(holder) for _ in range(3)] == [1, 1, 1]


def test_a_use_is_written_down_once_a_minute(holder: Holder, clock: TestClock) -> None:
    clock.advance(59)
    assert cost(holder) == 1
    clock.advance(1)
    assert [cost(holder) for _ in range(3)] == [2, 1, 1]
    clock.advance(60)
    assert cost(holder) == 2


@pytest.mark.parametrize("idle", [1, 10, 100])
def test_however_short_the_idle_time_a_use_in_it_counts(
    make_api: MakeApi, clock: TestClock, idle: int
) -> None:
    api = make_api(refresh_idle_ttl=idle)
    api.register()
    holder = Holder(api, "session").log_in()
    for _ in range(6):
        clock.advance(idle * 0.6)
        assert holder.is_in()
    clock.advance(idle)
    assert not holder.is_in()


def test_a_use_is_no_longer_than_the_session(
    holder: Holder, clock: TestClock, db: Database
) -> None:
    clock.advance(6 * DAY)
    for _ in range(4):
        assert holder.is_in()
        clock.advance(6 * DAY - HOUR)
    with db.connect() as connection:
        found = session_lookups.find(connection, holder.sid)
    assert found is None or found.expires_at <= found.created_at + 30 * DAY


def test_what_has_ended_is_not_touched_to_life(
    holder: Holder, clock: TestClock, db: Database
) -> None:
    clock.advance(WEEK)
    with db.connect() as connection:
        assert not session_lookups.touch(connection, holder.sid, WEEK)
        assert session_lookups.find(connection, holder.sid) is None
    assert not holder.is_in()


def test_what_was_revoked_meanwhile_is_refused_by_the_touch(
    holder: Holder, clock: TestClock, db: Database
) -> None:
    holder.copy().log_out()
    with db.connect() as connection:
        assert not session_lookups.touch(connection, holder.sid, WEEK)


@sqlite_only
def test_no_other_id_opens_the_session(holder: Holder) -> None:
    [name] = holder.jar
    sid, _, secret = holder.jar[name].partition(".")
    assert sid == holder.sid
    others = {
        "no secret": sid,
        "an empty secret": f"{sid}.",
        "cut": f"{sid}.{secret[:-1]}",
        "longer": f"{sid}.{secret}A",
        "the secret backwards": f"{sid}.{secret[::-1]}",
        "in the other case": f"{sid}.{secret.swapcase()}",
        "the sid backwards": f"{sid[::-1]}.{secret}",
        "the secret first": f"{secret}.{sid}",
        "another secret": f"{sid}.{'A' * 43}",
        "quoted": f'"{sid}.{secret}"',
        "by percent": f"{sid}%2E{secret}",
    }
    with every_row() as row:
        for about, value in others.items():
            with row(about):
                holder.jar[name] = value
                assert not holder.is_in()


@sqlite_only
def test_what_can_be_no_id_costs_nothing(holder: Holder) -> None:
    [name] = holder.jar
    holder.jar[name] = "x"
    assert cost(holder, 401) == 0


@sqlite_only
@pytest.mark.parametrize("transport", ["bearer", "hybrid", "cookie"])
def test_a_session_of_another_transport_has_no_id(holder: Holder, transport: str) -> None:
    other = Holder(holder.api, transport).log_in()
    [name] = holder.jar
    _, _, secret = holder.jar[name].partition(".")
    for guess in (secret, "A" * 43):
        holder.jar[name] = f"{other.sid}.{guess}"
        assert not holder.is_in()


def test_the_database_keeps_no_secret(holder: Holder, db: Database) -> None:
    from tests.support.database_contents import contents

    [value] = holder.jar.values()
    assert value.partition(".")[2] not in str(contents(db))


@sqlite_only
def test_a_revocation_that_only_the_set_knows_is_enough(holder: Holder) -> None:
    # The row is read again and still says nothing; the set has the last word.
    holder.api.app.state.runtime.revocations.add([holder.sid])
    assert not holder.is_in()


def test_changed_scopes_are_seen_at_once(holder: Holder, db: Database, clock: TestClock) -> None:
    from authapi.services.accounts.administration import change_scopes, get_by_email

    change_scopes(db, get_by_email(db, "ada@example.com").id, "read write")
    for _ in range(3):
        answer = holder.send("GET", "/verify?scope=write")
        assert (answer.status_code, answer.headers["X-Auth-Scope"]) == (204, "read write")
        clock.advance(0.7)
        holder.api.app.state.runtime.poll.poll()


def test_a_session_whose_user_was_deleted_by_hand_is_refused(holder: Holder, db: Database) -> None:
    """Its row stays in force and names nobody: ours revoke the sessions first."""
    with db.begin() as tx:
        tx.execute(delete(User))
    assert not holder.is_in()
