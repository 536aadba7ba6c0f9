"""Limits that several processes count in one real Redis; each by itself while it is gone."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from authapi import clock as wall_clock
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.until import until

pytestmark = [sqlite_only, needs_redis]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.close()


@pytest.fixture
def processes(redis: RedisServer, make_api: MakeApi) -> list[Api]:
    """Return two of one deployment, by the wall clock: Redis has no other."""
    limits = {"limit_login_pair": "4/hour", "limit_refresh": "3/hour"}
    apis = [
        make_api(clock=wall_clock.now, redis_url=redis.url, revocation_poll=1, **limits)
        for _ in range(2)
    ]
    apis[0].register()
    return apis


def guess(api: Api, password: str = "wrong") -> int:
    return api.client.post("/login", json={"email": EMAIL, "password": password}).status_code


def test_two_processes_count_together(processes: list[Api]) -> None:
    one, other = processes
    assert [guess(api) for api in (one, other, one, other, one, other)] == [401] * 4 + [429] * 2


def test_a_right_password_is_given_back_to_both(processes: list[Api]) -> None:
    assert [guess(api, PASSWORD) for api in processes * 4] == [200] * 8
    assert [guess(api) for api in processes * 3] == [401] * 4 + [429] * 2


def test_refreshes_of_one_session_are_counted_together(processes: list[Api]) -> None:
    one, other = processes
    tokens = one.login()
    for api in (one, other, one):
        tokens = api.refreshed(tokens.refresh)
    refused = other.refresh(tokens.refresh)
    assert refused.status_code == 429
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600


def test_while_redis_is_gone_each_counts_by_itself(
    processes: list[Api], redis: RedisServer
) -> None:
    redis.stop()
    for api in processes:
        assert [guess(api) for _ in range(5)] == [401] * 4 + [429]


def test_what_was_counted_before_is_remembered_by_a_redis_that_only_froze(
    processes: list[Api], redis: RedisServer
) -> None:
    api = processes[0]
    assert [guess(api) for _ in range(4)] == [401] * 4
    redis.freeze()
    began = monotonic()
    assert guess(api) == 401  # its own memory begins at nothing: more may pass, nobody waits
    assert monotonic() - began < 2
    redis.thaw()
    until(lambda: guess(api, PASSWORD) == 429)


def test_a_login_that_redis_left_in_the_middle_is_a_login(
    processes: list[Api], redis: RedisServer
) -> None:
    api = processes[0]
    redis.freeze()
    assert guess(api, PASSWORD) == 200
    redis.thaw()
