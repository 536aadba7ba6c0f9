"""Who writes into Redis is nobody for it.

The kind: text from a store that others can write into is believed. Two stores of authapi are in
Redis. An entry of the session look-up counts only if authapi signed it for that session. A counter
of the limits can't be signed: who writes there can reset it, but stops nobody's requests.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from authapi import clock as wall_clock
from authapi.services.accounts.administration import change_scopes, sign_out_user
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.logging import captured
from tests.support.operator import operate
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.settings import SECRET
from tests.support.transports import Holder

pytestmark = [sqlite_only, needs_redis]

COOKIE = "authapi-session"
PREFIX = "authapi:session:"
OTHER_SECRET = "the secret of another deployment and long enough"


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
def ada(api: Api) -> Holder:
    """The victim, with a session that Redis knows."""
    api.register()
    holder = Holder(api, "session").log_in()
    assert holder.is_in()
    return holder


@pytest.fixture
def eve(api: Api) -> Holder:
    """A user who can write into Redis."""
    api.register("eve@example.com")
    holder = Holder(api, "session").log_in("eve@example.com")
    assert holder.is_in()
    return holder


def entry(redis: RedisServer, sid: str) -> bytes:
    value = redis.client.get(PREFIX + sid)
    assert isinstance(value, bytes)
    return value


def put(redis: RedisServer, sid: str, value: bytes | str) -> None:
    redis.client.set(PREFIX + sid, value)


def forged(api: Api, sid: str, user_id: str, secret: str) -> dict[str, Any]:
    """Return what an entry of this user would say, for whoever has `secret`."""
    now = api.app.state.runtime.clock()
    times = dict.fromkeys(("created_at", "last_used_at", "read_at"), now)
    digest = sha256(secret.encode()).hexdigest()
    who = {"sid": sid, "user_id": user_id, "scopes": "admin", "secret_digest": digest}
    return {**who, **times, "expires_at": now + 1e6}


def ask_as(api: Api, sid: str, secret: str) -> int:
    cookie = {"Cookie": f"{COOKIE}={sid}.{secret}"}
    return api.client.get("/me", headers=cookie).status_code


def user_id(holder: Holder) -> str:
    return str(holder.send("GET", "/me").json()["id"])


def refused(api: Api) -> int:
    [line] = [
        line
        for line in api.client.get("/metrics").text.splitlines()
        if line.startswith("authapi_redis_entries_refused_total ")
    ]
    return int(float(line.split()[1]))


def test_a_session_that_somebody_writes_into_redis_is_none(
    api: Api, ada: Holder, redis: RedisServer
) -> None:
    sid, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
    value = forged(api, sid, user_id(ada), secret)
    put(redis, sid, json.dumps(value))
    assert ask_as(api, sid, secret) == 401


def test_ones_own_session_does_not_become_another_users(
    api: Api, ada: Holder, eve: Holder, redis: RedisServer
) -> None:
    own = eve.jar[COOKIE].partition(".")[2]
    put(redis, eve.sid, json.dumps(forged(api, eve.sid, user_id(ada), own)))
    assert user_id(eve) != user_id(ada)
    answer = eve.send("GET", "/verify")
    assert (answer.status_code, answer.headers["X-Auth-Scope"]) == (204, "")


def test_an_entry_counts_for_no_other_session(
    api: Api, ada: Holder, eve: Holder, redis: RedisServer
) -> None:
    """Ended by ada, the session would live on under a sid that no revocation names."""
    own = eve.jar[COOKIE].partition(".")[2]
    sid = secrets.token_urlsafe(16)
    put(redis, sid, entry(redis, eve.sid))
    assert ask_as(api, sid, own) == 401
    put(redis, ada.sid, entry(redis, eve.sid))
    assert ask_as(api, ada.sid, own) == 401
    assert ada.is_in()


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda value: b"",
    "truncated": lambda value: value[:-1],
    "without its mac": lambda value: value[32:],
    "a byte more": lambda value: value + b" ",
    "a bit changed in the value": lambda value: value[:40] + bytes([value[40] ^ 1]) + value[41:],
    "a bit changed in the mac": lambda value: bytes([value[0] ^ 1]) + value[1:],
    "a mac of zeros": lambda value: bytes(32) + value[32:],
    "other text": lambda value: b"\xff" * 300,
    "JSON": lambda value: b"[1, 2]",
    "a number": lambda value: b"1",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_entry_is_a_miss(api: Api, ada: Holder, redis: RedisServer, change: str) -> None:
    put(redis, ada.sid, CHANGES[change](entry(redis, ada.sid)))
    statements = api.app.state.runtime.db.statements
    costs = []
    for _ in range(3):
        before = statements.count
        assert ada.status("GET", "/verify") == 204
        costs.append(statements.count - before)
    assert costs == [1, 0, 0]  # the database's own answer takes its place


def test_another_deployments_entry_is_a_miss(
    make_api: MakeApi, api: Api, ada: Holder, redis: RedisServer
) -> None:
    redis.client.flushall()
    elsewhere = ada.copy()
    elsewhere.api = make_api(redis_url=redis.url, secret=f"{OTHER_SECRET},{SECRET}")
    assert elsewhere.is_in()  # its entry is signed with a secret that `api` does not know
    assert ada.is_in()
    assert refused(api) == 1


def test_an_entry_of_another_issuer_with_the_same_secret_is_a_miss(
    make_api: MakeApi, api: Api, ada: Holder, redis: RedisServer
) -> None:
    """A copy of the database, to try things out, has the same sessions and other scopes."""
    redis.client.flushall()
    elsewhere = ada.copy()
    elsewhere.api = make_api(redis_url=redis.url, public_url="http://127.0.0.1:9000")
    assert elsewhere.is_in()
    assert entry(redis, ada.sid)
    assert ada.is_in()
    assert refused(api) == 1


def test_while_secret_is_rotated_each_process_reads_the_others_entries(
    make_api: MakeApi, ada: Holder, redis: RedisServer
) -> None:
    rotated = make_api(redis_url=redis.url, secret=f"{OTHER_SECRET},{SECRET}")
    rotated.expect(200, "GET", "/readyz")  # its start has statements of its own
    after = ada.copy()
    after.api = rotated
    before = rotated.app.state.runtime.db.statements.count
    assert after.status("GET", "/verify") == 204
    assert rotated.app.state.runtime.db.statements.count == before
    assert refused(rotated) == 0


def test_refused_entries_are_logged_once_and_all_are_counted(
    api: Api, ada: Holder, redis: RedisServer
) -> None:
    with captured("json") as log:
        for _ in range(5):
            put(redis, ada.sid, b"forged")
            assert ada.status("GET", "/verify") == 204
    lines = [event for event in log.events if event["event"] == "redis_entry_refused"]
    assert [(line["level"], line["sid"]) for line in lines] == [("warning", ada.sid)]
    assert "forged" not in log.text
    assert refused(api) == 5


@pytest.mark.parametrize("later", [0, 30, 59, 61, 600, 3600, 3700, 4000, 86_000])
def test_an_entry_from_before_a_revocation_revives_nothing(
    api: Api, ada: Holder, redis: RedisServer, clock: TestClock, later: int
) -> None:
    """The revocations in memory refuse it for an hour, and after a minute the database is asked."""
    old = entry(redis, ada.sid)
    assert ada.copy().log_out().status_code == 204
    clock.advance(later)
    api.app.state.runtime.poll.poll()
    put(redis, ada.sid, old)
    assert not ada.is_in()


def test_an_entry_from_before_the_operators_command_revives_nothing(
    api: Api, ada: Holder, redis: RedisServer, clock: TestClock
) -> None:
    old = entry(redis, ada.sid)
    operate(api, sign_out_user)
    api.app.state.runtime.poll.poll()
    for later in (0, 40, 40, 4000):
        clock.advance(later)
        put(redis, ada.sid, old)
        assert not ada.is_in()


def test_an_entry_from_before_a_change_of_scopes_gives_no_scope_back(
    api: Api, ada: Holder, redis: RedisServer, clock: TestClock
) -> None:
    operate(api, change_scopes, "admin")
    api.app.state.runtime.poll.poll()
    clock.advance(70)
    assert ada.is_in()
    old = entry(redis, ada.sid)
    operate(api, change_scopes, "")
    api.app.state.runtime.poll.poll()
    for later in (0, 1, 40, 40, 4000):
        clock.advance(later)
        put(redis, ada.sid, old)
        answer = ada.send("GET", "/verify")
        assert (answer.status_code, answer.headers["X-Auth-Scope"]) == (204, "")


@pytest.mark.parametrize("later", [0, 61, 3600, 3700, 4000, 86_000])
def test_an_entry_from_long_before_gives_no_scope_back(
    api: Api, ada: Holder, redis: RedisServer, clock: TestClock, later: int
) -> None:
    """After an hour no process knows of the change any more: the database is asked for the row."""
    operate(api, change_scopes, "admin")
    clock.advance(70)
    api.app.state.runtime.poll.poll()
    assert ada.is_in()
    old = entry(redis, ada.sid)
    operate(api, change_scopes, "")
    for seconds in (0, later):
        clock.advance(seconds)
        api.app.state.runtime.poll.poll()
        put(redis, ada.sid, old)
        answer = ada.send("GET", "/verify")
        assert (answer.status_code, answer.headers["X-Auth-Scope"]) == (204, "")


@pytest.mark.parametrize("value", ["revoked", "x", "[]"])
def test_what_anybody_writes_ends_nobodys_session(
    ada: Holder, redis: RedisServer, value: str
) -> None:
    put(redis, ada.sid, value)
    assert ada.is_in()


def test_a_key_of_another_type_ends_nobodys_session(ada: Holder, redis: RedisServer) -> None:
    redis.client.delete(PREFIX + ada.sid)
    redis.client.rpush(PREFIX + ada.sid, "x")
    assert ada.is_in()
    assert ada.copy().log_out().status_code == 204
    assert not ada.is_in()


@pytest.mark.parametrize("value", ["x", "", "1.5", "9" * 5000, "\xff"])
def test_a_counter_that_is_no_number_is_no_500(
    make_api: MakeApi, redis: RedisServer, value: str
) -> None:
    api = make_api(clock=wall_clock.now, redis_url=redis.url, limit_login_pair="2/minute;9/hour")
    api.register()
    wrong = {"email": EMAIL, "password": "wrong"}
    statuses = [api.client.post("/login", json=wrong).status_code for _ in range(2)]
    # Past the limit of a minute, every counter is read.
    for key in redis.client.scan_iter("LIMITS:*/9/1/hour"):
        redis.client.set(key, value)
    statuses += [api.client.post("/login", json=wrong).status_code for _ in range(3)]
    assert set(statuses) <= {401, 429}
    right = api.client.post("/login", json={"email": EMAIL, "password": PASSWORD})
    assert right.status_code in {200, 429}
