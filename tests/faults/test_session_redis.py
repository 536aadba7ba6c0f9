"""Sessions in a real Redis: a spared query, never a session that has ended."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from authapi.db import session_lookups
from authapi.services.accounts.administration import change_scopes, sign_out_user
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.operator import operate
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.transports import Holder
from tests.support.until import until

pytestmark = [sqlite_only, needs_redis]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.close()


@pytest.fixture
def api(make_api: MakeApi, redis: RedisServer) -> Api:
    return make_api(redis_url=redis.url)


@pytest.fixture
def holder(api: Api) -> Holder:
    api.register()
    return Holder(api, "session").log_in()


@pytest.fixture
def elsewhere(make_api: MakeApi, redis: RedisServer, holder: Holder) -> Holder:
    """The same browser at another process, which learns by its poll alone."""
    other = holder.copy()
    other.api = make_api(redis_url=redis.url)
    assert other.is_in()
    return other


def cost(holder: Holder, status: int = 204) -> int:
    """How many statements a request costs that does nothing else."""
    statements = holder.api.app.state.runtime.db.statements
    before: int = statements.count
    assert holder.status("GET", "/verify") == status
    return int(statements.count) - before


def entry(redis: RedisServer, holder: Holder) -> bytes | None:
    value = redis.client.get(f"authapi:session:{holder.sid}")
    assert value is None or isinstance(value, bytes)
    return value


def scopes(holder: Holder) -> str:
    answer = holder.send("GET", "/verify")
    assert answer.status_code == 204
    return str(answer.headers["X-Auth-Scope"])


def test_the_first_look_up_is_the_databases_and_no_other(holder: Holder) -> None:
    assert [cost(holder) for _ in range(4)] == [1, 0, 0, 0]


def test_other_processes_are_spared_too(holder: Holder, elsewhere: Holder) -> None:
    assert [cost(holder), cost(elsewhere)] == [0, 0]


def test_an_entry_holds_no_secret_and_does_not_stay(holder: Holder, redis: RedisServer) -> None:
    holder.is_in()
    [cookie] = holder.jar.values()
    assert cookie.partition(".")[2].encode() not in (entry(redis, holder) or b"")
    remaining: Any = redis.client.ttl(f"authapi:session:{holder.sid}")
    assert 0 < remaining <= 600


def test_an_entry_ends_with_its_session(make_api: MakeApi, redis: RedisServer) -> None:
    api = make_api(redis_url=redis.url, refresh_idle_ttl=100)
    api.register()
    holder = Holder(api, "session").log_in()
    assert holder.is_in()
    remaining: Any = redis.client.ttl(f"authapi:session:{holder.sid}")
    assert 0 < remaining <= 100


def test_another_secret_does_not_open_an_entry(holder: Holder) -> None:
    assert holder.is_in()
    [name] = holder.jar
    holder.jar[name] = f"{holder.sid}.{'A' * 43}"
    assert cost(holder, 401) == 0


def test_a_logout_counts_at_once_in_every_process(
    holder: Holder, elsewhere: Holder, redis: RedisServer
) -> None:
    assert holder.copy().log_out().status_code == 204
    assert entry(redis, holder) == b"revoked"
    assert not elsewhere.is_in()
    assert not holder.is_in()
    assert entry(redis, holder) == b"revoked"


def test_who_read_the_row_before_its_revocation_puts_nothing_back(
    holder: Holder, elsewhere: Holder, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.client.flushall()
    find = session_lookups.find

    def find_and_be_overtaken(*given: Any) -> session_lookups.FoundSession | None:
        found = find(*given)
        monkeypatch.setattr(session_lookups, "find", find)
        assert holder.copy().log_out().status_code == 204
        return found

    monkeypatch.setattr(session_lookups, "find", find_and_be_overtaken)
    # It began before the log-out was answered, and may end either way.
    assert elsewhere.status("GET", "/verify") in {204, 401}
    assert entry(redis, holder) == b"revoked"
    assert not elsewhere.is_in()


def test_a_revocation_past_redis_is_learned_by_the_poll(
    holder: Holder, elsewhere: Holder, redis: RedisServer
) -> None:
    # The command line knows no Redis.
    operate(holder.api, sign_out_user)
    for each in (holder, elsewhere):
        each.api.app.state.runtime.poll.poll()
        assert not each.is_in()
    assert entry(redis, holder) is None


def test_a_revocation_while_redis_was_away_is_not_forgotten(
    holder: Holder, elsewhere: Holder, redis: RedisServer
) -> None:
    assert holder.is_in()
    redis.freeze()
    assert holder.copy().log_out().status_code == 204
    redis.thaw()
    until_used_again(holder, redis)
    elsewhere.api.app.state.runtime.poll.poll()
    assert not holder.is_in()
    assert not elsewhere.is_in()


def until_used_again(holder: Holder, redis: RedisServer) -> None:
    other = Holder(holder.api, "session").log_in()
    until(lambda: cost(other) == 0)


def test_changed_scopes_replace_the_entry(
    holder: Holder, elsewhere: Holder, clock: TestClock
) -> None:
    operate(holder.api, change_scopes, "read")
    for each in (holder, elsewhere):
        each.api.app.state.runtime.poll.poll()
    for _ in range(3):
        assert [scopes(holder), scopes(elsewhere)] == ["read", "read"]
        clock.advance(1)


def test_scopes_that_were_read_before_their_change_was_committed_do_not_stay(
    holder: Holder, clock: TestClock, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.client.flushall()
    find = session_lookups.find

    def find_before_the_commit(*given: Any) -> session_lookups.FoundSession | None:
        found = find(*given)
        monkeypatch.setattr(session_lookups, "find", find)
        clock.advance(-3)  # when the change read the clock; a transaction lives up to 5 s
        operate(holder.api, change_scopes, "read")
        clock.advance(3)
        return found

    monkeypatch.setattr(session_lookups, "find", find_before_the_commit)
    assert scopes(holder) == ""
    holder.api.app.state.runtime.poll.poll()
    assert scopes(holder) == "read"


def test_long_after_a_change_the_database_is_spared_again(holder: Holder, clock: TestClock) -> None:
    operate(holder.api, change_scopes, "read")
    holder.api.app.state.runtime.poll.poll()
    clock.advance(70)
    assert cost(holder) == 2  # a use is written down
    assert [cost(holder) for _ in range(3)] == [1, 0, 0]


def test_a_use_is_written_down_once_a_minute(holder: Holder, clock: TestClock) -> None:
    assert cost(holder) == 1
    clock.advance(59)
    assert cost(holder) == 0
    clock.advance(1)
    assert [cost(holder) for _ in range(3)] == [1, 1, 0]


def test_a_session_that_is_used_does_not_end_for_its_entry(
    holder: Holder, clock: TestClock
) -> None:
    for _ in range(20):
        clock.advance(2 * 86400 - 86400 * 0.6)
        assert holder.is_in()


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[]", b"null", b"\xff", b'{"sid": "x"}', b'{"version": 2}']
)
def test_an_entry_of_another_release_is_read_anew(
    holder: Holder, redis: RedisServer, value: bytes
) -> None:
    redis.client.set(f"authapi:session:{holder.sid}", value)
    assert [cost(holder) for _ in range(2)] == [1, 0]


def test_redis_gone_means_that_the_database_answers(holder: Holder, redis: RedisServer) -> None:
    assert holder.is_in()
    redis.stop()
    assert [cost(holder) for _ in range(5)] == [1] * 5
    assert holder.copy().log_out().status_code == 204
    assert not holder.is_in()


def test_a_login_and_a_logout_work_while_redis_is_gone(api: Api, redis: RedisServer) -> None:
    api.register()
    redis.stop()
    holder = Holder(api, "session").log_in()
    assert holder.is_in()
    assert holder.copy().log_out().status_code == 204
    assert not holder.is_in()


def test_a_frozen_redis_costs_little(holder: Holder, redis: RedisServer) -> None:
    assert holder.is_in()
    redis.freeze()
    began = monotonic()
    for _ in range(20):
        assert cost(holder) == 1
    # A fifth of a second for each second in which it is tried again.
    assert monotonic() - began < 5
    redis.thaw()


def test_redis_that_comes_back_is_used_again(holder: Holder, redis: RedisServer) -> None:
    assert holder.is_in()
    redis.stop()
    assert cost(holder) == 1
    redis.start()
    until(lambda: cost(holder) == 0)
    assert holder.copy().log_out().status_code == 204
    assert not holder.is_in()


def test_a_server_that_starts_without_redis_finds_it_later(
    make_api: MakeApi, redis: RedisServer
) -> None:
    redis.stop()
    api = make_api(redis_url=redis.url)
    api.register()
    holder = Holder(api, "session").log_in()
    assert holder.is_in()
    redis.start()
    until(lambda: cost(holder) == 0)
