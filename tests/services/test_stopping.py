"""All sessions of an account end at once; their rows follow, whatever happens meanwhile."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from threading import Event as Flag

import pytest
from sqlalchemy import func, insert, or_, select, update

from authapi.db import stops, users
from authapi.db.database import Database
from authapi.db.models import Event, RevokedReason, Session, Stop
from authapi.db.sessions import BATCH_ROWS
from authapi.db.stops import Stopped
from authapi.services.accounts.administration import disable_user, sign_out_user
from authapi.services.operation.purge import purge_all
from authapi.services.revocation.row_follower import RowFollower
from authapi.services.revocation.stopping import change_rows
from authapi.verifier.lifetimes import WINDOW_SECONDS
from tests.support.api import PASSWORD, Api, Tokens
from tests.support.application import MakeSettings
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.operator import operate
from tests.support.process import StartProcess
from tests.support.together import together
from tests.support.transports import Holder

DAY = 86400


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


@pytest.fixture
def user_id(api: Api, tokens: Tokens) -> str:
    return str(api.expect(200, "GET", "/me", headers=tokens.bearer).json()["id"])


@pytest.fixture
def follower(api: Api, clock: TestClock) -> Iterator[RowFollower]:
    """Return what another process has, or this one after a crash."""
    with closing(_Follower(api.app.state.runtime.settings, clock)) as follower:
        yield follower


class _Follower(RowFollower):
    close = RowFollower.stop


def fill(db: Database, user_id: str, count: int, expires_at: float, name: str = "row") -> None:
    """Add sessions of generation 0 to the account."""
    with db.begin() as tx:
        model = dict(tx.execute(select(Session.__table__)).mappings().first() or {})
        same = model | {"expires_at": expires_at, "ip": "192.0.2.7", "user_id": user_id}
        rows = [same | {"sid": f"{name}-{number}"} for number in range(count)]
        tx.execute(insert(Session), rows)


def stop_and_crash(db: Database, user_id: str) -> None:
    """Stop the account, and do none of what follows the commit."""
    with db.begin() as tx:
        users.lock(tx, user_id)
        stops.add(tx, user_id, RevokedReason.LOGOUT_ALL)


def marked(db: Database) -> int:
    with db.connect() as connection:
        revoked = select(func.count()).where(Session.revoked_at.is_not(None))
        return connection.scalars(revoked).one()


def is_followed(db: Database) -> bool:
    with db.connect() as connection:
        return connection.scalars(select(Stop.followed_at)).one() is not None


# Before and after, in the same moment of the clock


def test_a_log_in_after_the_stop_is_not_hit_in_the_same_microsecond(
    api: Api, tokens: Tokens
) -> None:
    api.expect(204, "POST", "/logout/all", headers=tokens.bearer)
    new = api.login()
    assert (api.verify(tokens), api.verify(new)) == (401, 204)
    assert api.refreshed(new.refresh).sid == new.sid
    assert api.refresh(tokens.refresh).status_code == 401


def test_the_session_that_ends_the_others_goes_on_through_every_stop(
    api: Api, tokens: Tokens
) -> None:
    for _ in range(3):
        other = api.login()
        api.expect(204, "DELETE", "/sessions", headers=tokens.bearer)
        assert (api.verify(other), api.verify(tokens)) == (401, 204)
    listed = api.expect(200, "GET", "/sessions", headers=tokens.bearer).json()
    assert [session["id"] for session in listed] == [tokens.sid]
    tokens = api.refreshed(tokens.refresh)
    api.expect(204, "POST", "/logout/all", headers=tokens.bearer)
    assert api.verify(tokens) == 401


@sqlite_only
def test_a_stopped_session_is_not_kept_alive_by_ending_the_others(
    api: Api, db: Database, tokens: Tokens, user_id: str
) -> None:
    stop_and_crash(db, user_id)
    with db.begin() as tx:
        users.lock(tx, user_id)
        stops.add(tx, user_id, RevokedReason.ENDED_BY_USER, keep=tokens.sid)
    assert api.refresh(tokens.refresh).status_code == 401


# Before its rows say so


def test_a_stopped_session_is_out_of_force_before_its_row_says_so(
    api: Api, db: Database, tokens: Tokens, user_id: str
) -> None:
    holder, other = Holder(api, "session").log_in(), api.login()
    stop_and_crash(db, user_id)
    new = api.login()
    assert marked(db) == 0
    assert api.refresh(tokens.refresh).status_code == 401
    assert not holder.use()
    listed = api.expect(200, "GET", "/sessions", headers=new.bearer).json()
    assert [session["id"] for session in listed] == [new.sid]
    api.expect(404, "DELETE", f"/sessions/{other.sid}", headers=new.bearer)


def test_another_process_learns_it_from_one_poll(
    api: Api, db: Database, user_id: str, tokens: Tokens, start_process: StartProcess
) -> None:
    process = start_process()
    assert process.accepts(tokens.access)
    stop_and_crash(db, user_id)
    process.poll()
    assert not process.accepts(tokens.access)


def test_a_process_that_starts_later_learns_it_whether_or_not_the_rows_followed(
    api: Api, db: Database, tokens: Tokens, follower: RowFollower, start_process: StartProcess
) -> None:
    """Also of an account that is gone."""
    process = start_process()
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)
    follower.follow()
    assert is_followed(db)
    assert not start_process().accepts(tokens.access)
    process.poll()
    assert not process.accepts(tokens.access)


def test_of_two_stops_between_two_polls_both_are_learned(
    api: Api, db: Database, tokens: Tokens, clock: TestClock, start_process: StartProcess
) -> None:
    process = start_process()
    operate(api, sign_out_user)
    clock.advance(0.1)
    second = api.login()
    operate(api, sign_out_user)
    third = api.login()
    process.poll()
    accepted = [process.accepts(each.access) for each in (tokens, second, third)]
    assert accepted == [False, False, True]


def test_a_poll_reads_the_sessions_of_a_stop_once(
    api: Api, user_id: str, clock: TestClock, start_process: StartProcess
) -> None:
    process = start_process()
    process.poll()
    usual = statements_of_a_poll(process.poller.poll, process.db)
    operate(api, sign_out_user)
    clock.advance(1)
    first = statements_of_a_poll(process.poller.poll, process.db)
    clock.advance(1)
    assert first > usual == statements_of_a_poll(process.poller.poll, process.db)


def statements_of_a_poll(poll: object, db: Database) -> int:
    assert callable(poll)
    before = db.statements.count
    poll()
    return db.statements.count - before


# The rows


def test_the_rows_of_the_sessions_in_force_follow_and_no_others(
    api: Api, db: Database, user_id: str, clock: TestClock, follower: RowFollower
) -> None:
    fill(db, user_id, 2 * BATCH_ROWS + 10, clock() + DAY)
    fill(db, user_id, 5, clock() - 1, name="expired")
    stop_and_crash(db, user_id)
    while follower.follow():
        pass
    assert is_followed(db)
    assert marked(db) == 2 * BATCH_ROWS + 11
    with db.connect() as connection:
        sid = Session.sid.startswith("expired")
        revoked = select(func.count()).where(sid, Session.revoked_at.is_not(None))
        assert connection.scalars(revoked).one() == 0


def test_a_command_does_the_first_batch_and_says_how_many(
    api: Api, db: Database, user_id: str, clock: TestClock, follower: RowFollower
) -> None:
    fill(db, user_id, BATCH_ROWS + 10, clock() + DAY)
    assert operate(api, disable_user) == BATCH_ROWS
    assert marked(db) == BATCH_ROWS
    assert not follower.follow()
    assert marked(db) == BATCH_ROWS + 11


def test_of_a_deleted_account_every_row_forgets_the_person(
    api: Api, db: Database, user_id: str, tokens: Tokens, clock: TestClock, follower: RowFollower
) -> None:
    fill(db, user_id, BATCH_ROWS + 10, clock() - DAY, name="expired")
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)
    while follower.follow():
        pass
    with db.connect() as connection:
        person = select(Session.ip, Session.user_agent).distinct()
        assert [tuple(row) for row in connection.execute(person)] == [(None, None)]
    assert is_followed(db)


def test_a_deleted_account_s_events_forget_the_person_in_batches(
    api: Api, db: Database, user_id: str, tokens: Tokens, follower: RowFollower
) -> None:
    """Else an account with many log-ins could not be deleted within the time of a statement."""
    with db.begin() as tx:
        model = dict(tx.execute(select(Event.__table__)).mappings().first() or {})
        same = model | {"ip": "192.0.2.7", "user_agent": "a", "details": '{"a":1}'}
        for owner, count in ((user_id, 2 * BATCH_ROWS + 10), ("another", 1)):
            rows = [same | {"id": f"{owner[:8]}-{n}", "user_id": owner} for n in range(count)]
            tx.execute(insert(Event), rows)
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)
    assert telling(db, user_id) > BATCH_ROWS  # one batch is done
    assert not is_followed(db)
    while follower.follow():
        pass
    assert (telling(db, user_id), telling(db, "another")) == (0, 1)
    assert is_followed(db)


def telling(db: Database, user_id: str) -> int:
    """Return how many events tell of the person."""
    tells = or_(Event.ip.is_not(None), Event.user_agent.is_not(None), Event.details != "{}")
    with db.connect() as connection:
        count = select(func.count()).where(Event.user_id == user_id, tells)
        return connection.scalars(count.select_from(Event)).one()


@postgresql_only
@pytest.mark.parametrize("attempt", range(5))
def test_two_who_acted_on_each_other_are_forgotten_at_once(
    api: Api, db: Database, user_id: str, clock: TestClock, attempt: int
) -> None:
    """Each batch wants rows of the other's: in two orders both would wait until one is refused."""
    pair = (f"first-{attempt}", f"second-{attempt}")
    with db.begin() as tx:
        model = dict(tx.execute(select(Event.__table__)).mappings().first() or {})
        same = model | {"ip": "192.0.2.7", "user_agent": "a", "details": '{"a":1}'}
        both = [same | {"user_id": pair[n % 2], "actor_id": pair[1 - n % 2]} for n in range(800)]
        rows = [row | {"id": f"{(n * 7919) % 800}-{attempt}"} for n, row in enumerate(both)]
        tx.execute(insert(Event), rows)
    ended = [Stopped(each, 1, clock(), RevokedReason.ACCOUNT_DELETED) for each in pair]
    outcomes = together(*(partial(change_rows, db, stop) for stop in ended))
    assert list(outcomes) == [(0, False), (0, False)]
    assert [telling(db, each) for each in pair] == [0, 0]


@postgresql_only
def test_a_row_that_a_request_holds_delays_no_other_and_follows_later(
    api: Api, db: Database, user_id: str, tokens: Tokens, clock: TestClock, follower: RowFollower
) -> None:
    fill(db, user_id, 3, clock() + DAY)
    with db.begin() as tx:
        tx.execute(update(Session).where(Session.sid == tokens.sid).values(last_used_at=clock()))
        stop_and_crash(db, user_id)
        follower.follow()
        assert (marked(db), is_followed(db)) == (3, False)
    follower.follow()
    assert (marked(db), is_followed(db)) == (4, True)


@sqlite_only
def test_a_stop_that_no_process_asks_for_any_more_is_forgotten(
    api: Api, db: Database, user_id: str, clock: TestClock, make_settings: MakeSettings
) -> None:
    operate(api, sign_out_user)
    assert purge_all(db, make_settings(), Flag())["stops"] == 0
    assert is_followed(db)
    clock.advance(2 * WINDOW_SECONDS + 1)
    assert purge_all(db, make_settings(), Flag())["stops"] == 1
    with db.connect() as connection:
        assert connection.scalars(select(Stop.user_id)).all() == []
