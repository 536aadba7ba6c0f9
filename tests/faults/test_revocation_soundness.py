"""What makes revocation without a look-up sound: docs/revocation.md, point by point.

Races for a session's row and a user's are in tests/db/test_exchange_race.py.
"""

import pytest
from sqlalchemy import update

from authapi.db import sessions
from authapi.db.database import open_database
from authapi.db.engines.listener import Listener
from authapi.db.models import RevokedReason, Session
from authapi.errors import Unavailable
from authapi.services.accounts.administration import change_scopes, disable_user
from authapi.services.revocation.poll import FULL_POLL_INTERVAL_SECONDS
from authapi.verifier import VerifierNotReadyError
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS
from authapi.web.runtime import Runtime
from tests.support.api import PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.operator import operate
from tests.support.process import Process, StartProcess
from tests.support.until import until

NOWHERE = "postgresql+psycopg://127.0.0.1:1/nowhere"
HOUR = 3600


def runtime_of(api: Api) -> Runtime:
    runtime: Runtime = api.app.state.runtime
    return runtime


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


def revoke(process: Process, sid: str) -> None:
    """As another process would: this one is not told."""
    with process.db.begin() as tx:
        sessions.revoke(tx, sid, RevokedReason.LOGOUT)


def token_at(process: Process, tokens: Tokens) -> str:
    """A fresh access token of the session, which the process has verified once."""
    token = process.mint(tokens.sid)
    assert process.accepts(token)
    return token


# The moment of a revocation


@postgresql_only
def test_a_commit_that_becomes_visible_late_is_learned(
    start_process: StartProcess, tokens: Tokens, clock: TestClock
) -> None:
    process = start_process()
    token = token_at(process, tokens)
    with process.db.begin() as tx:
        sessions.revoke(tx, tokens.sid, RevokedReason.LOGOUT)
        clock.advance(5)
        process.poll()  # its cursor is now later than the revocation
        assert process.accepts(token)
    process.poll()
    assert not process.accepts(token)


@postgresql_only
def test_a_revocations_moment_is_not_its_transactions_start(
    start_process: StartProcess, tokens: Tokens, clock: TestClock
) -> None:
    process = start_process()
    with process.db.begin() as tx:
        sessions.find(tx, tokens.sid)
        clock.advance(3)
        sessions.revoke(tx, tokens.sid, RevokedReason.LOGOUT)
    with process.db.connect() as connection:
        row = sessions.find(connection, tokens.sid)
    assert row is not None
    assert row.revoked_at == clock()


@postgresql_only
@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_revocation_of_a_process_whose_clock_is_off_is_learned(
    make_api: MakeApi,
    start_process: StartProcess,
    tokens: Tokens,
    clock: TestClock,
    ahead: float,
) -> None:
    process = start_process()
    token = token_at(process, tokens)
    wrong = make_api(clock=lambda: clock() + ahead)
    wrong.client.post("/logout", json={"refresh_token": tokens.refresh})
    process.poll()
    assert not process.accepts(token)


def test_what_was_missed_during_a_failure_is_in_the_next_poll(
    start_process: StartProcess, tokens: Tokens, clock: TestClock
) -> None:
    process = start_process()
    token = token_at(process, tokens)
    missed_at(process, tokens, clock() - 2 * LOOK_BACK_SECONDS)
    process.poller.db = open_database(NOWHERE, clock)
    with pytest.raises(Unavailable):
        process.poll()
    process.poller.db = process.db
    process.poll()
    assert not process.accepts(token)


def test_the_whole_window_is_read_again_every_minute(
    start_process: StartProcess, tokens: Tokens, clock: TestClock
) -> None:
    process = start_process()
    token = token_at(process, tokens)
    missed_at(process, tokens, clock() - 2 * LOOK_BACK_SECONDS)
    clock.advance(FULL_POLL_INTERVAL_SECONDS - 1)
    process.poll()
    assert process.accepts(token)
    clock.advance(1)
    process.poll()
    assert not process.accepts(token)


def missed_at(process: Process, tokens: Tokens, moment: float) -> None:
    """A revocation further back than any that a poll looks for."""
    with process.db.begin() as tx:
        values = {"revoked_at": moment, "revoked_reason": "logout"}
        tx.execute(update(Session).where(Session.sid == tokens.sid).values(values))


@pytest.mark.parametrize("seconds", [30, 2 * HOUR])
def test_a_database_clock_that_is_turned_back_hides_nothing(
    start_process: StartProcess, api: Api, tokens: Tokens, clock: TestClock, seconds: float
) -> None:
    before, after = tokens, api.login()
    process = start_process()
    revoke(process, before.sid)
    process.poll()
    clock.advance(-seconds)
    revoke(process, after.sid)
    process.poll()
    assert before.sid in process.feed.page(None).sessions
    assert after.sid in process.feed.page(None).sessions


# The window


def test_a_lowered_lifetime_forgets_no_revocation(
    make_api: MakeApi, start_process: StartProcess, clock: TestClock
) -> None:
    tokens = make_api(access_token_ttl=3600).register_and_login()
    revoke(start_process(), tokens.sid)
    clock.advance(3599)
    assert make_api(access_token_ttl=60).verify(tokens) == 401


def test_a_deleted_account_leaves_its_revocations_to_processes_that_start_later(
    api: Api, tokens: Tokens, make_api: MakeApi
) -> None:
    api.expect(204, "POST", "/me/delete", headers=tokens.bearer, json={"password": PASSWORD})
    assert make_api().verify(tokens) == 401


def test_a_process_that_never_loaded_the_window_is_unavailable(
    make_api: MakeApi, tokens: Tokens
) -> None:
    restarted = make_api(database_url=NOWHERE)
    assert restarted.verify(tokens) == 503
    missing = restarted.expect(503, "GET", "/readyz").json()["not_ready"]
    assert {"database", "revocations"} <= set(missing)


@sqlite_only
def test_a_process_that_has_keys_and_no_window_refuses_to_say(
    start_process: StartProcess,
) -> None:
    token = start_process().mint()
    process = start_process(prepared=False)
    process.keys.ring.replace(list(start_process().keys.ring.loaded().values()), 0)
    with pytest.raises(VerifierNotReadyError):
        process.verifier.verify(token)


# What mints


@postgresql_only
def test_the_times_of_a_token_are_the_databases(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(access_token_ttl=900, clock=lambda: clock() + 25)
    claims = runtime_of(api).verifier.verify(api.register_and_login().access)
    assert (claims.issued_at, claims.expires_at) == (int(clock()), int(clock()) + 900)


def test_tokens_of_before_a_change_of_scopes_are_refused_and_a_refresh_helps_at_once(
    api: Api, tokens: Tokens, make_api: MakeApi
) -> None:
    other = make_api()
    assert other.verify(tokens) == 204
    operate(api, change_scopes, "admin")
    for each in (api, other):
        runtime_of(each).poll.poll()
        assert each.verify(tokens) == 401
    fresh = api.refreshed(tokens.refresh)
    assert fresh.body["scope"] == "admin"
    assert fresh.body["expires_in"] == 900
    assert (api.verify(fresh), other.verify(fresh)) == (204, 204)


def test_a_disabled_account_is_refused_by_a_running_server(api: Api, tokens: Tokens) -> None:
    assert api.verify(tokens) == 204
    operate(api, disable_user)
    runtime_of(api).poll.poll()
    assert api.verify(tokens) == 401
    assert api.refresh(tokens.refresh).status_code == 401


# What is asked, and when


@sqlite_only
def test_a_token_that_was_verified_before_is_looked_up_again(api: Api, tokens: Tokens) -> None:
    for _ in range(2):
        assert api.verify(tokens) == 204
    runtime_of(api).revocations.add([tokens.sid])
    assert api.verify(tokens) == 401


@postgresql_only
def test_a_lost_notification_costs_one_poll(start_process: StartProcess, tokens: Tokens) -> None:
    process = start_process(revocation_poll=0.05)
    process.poller._listener = Listener("sqlite:///nobody-listens")
    token = token_at(process, tokens)
    process.poller.start()
    revoke(process, tokens.sid)
    until(lambda: not process.accepts(token))


@postgresql_only
def test_a_listener_whose_connection_was_ended_listens_again(
    start_process: StartProcess, tokens: Tokens, api: Api
) -> None:
    process = start_process(revocation_poll=60)
    token = token_at(process, tokens)
    process.poller.start()
    until(lambda: listeners(process, "pid") == 2)  # this one, and `api`'s
    listeners(process, "pg_terminate_backend(pid)")
    until(lambda: not listeners(process, "pid"))
    process.feed.poll_soon.set()  # the next poll comes in a minute otherwise
    until(lambda: listeners(process, "pid") == 1)
    revoke(process, tokens.sid)
    until(lambda: not process.accepts(token))


def listeners(process: Process, what: str) -> int:
    """Select that of each connection that listens; how many there are."""
    query = (
        f"SELECT {what} FROM pg_stat_activity"
        " WHERE starts_with(query, 'LISTEN') AND datname = current_database()"
    )
    with process.db.engine.connect() as connection:
        return len(connection.exec_driver_sql(query).all())
