"""GET /metrics: what an operator alarms on is counted, and no stranger can make it grow."""

import asyncio
import re
import threading
from pathlib import Path

import httpx
import pytest

from authapi.errors import Unavailable
from authapi.services.sessions.refresh_rotation import Answer
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.server import ServerProcess
from tests.support.settings import SERVER
from tests.support.sockets import ask, connect, request, send
from tests.support.until import until

KEY = "0123456789abcdef"
SAMPLE = re.compile(r"^authapi_(\S+|\S+\{.*\}) (\S+)$", re.MULTILINE)


def samples(page: str) -> dict[str, float]:
    return {name: float(value) for name, value in SAMPLE.findall(page)}


def metrics(api: Api) -> dict[str, float]:
    return samples(api.expect(200, "GET", "/metrics").text)


def test_a_replay_is_counted_once_it_is_committed(api: Api) -> None:
    first = api.register_and_login()
    api.refresh(first.refresh)
    assert metrics(api)["refresh_tokens_replayed_total"] == 0
    assert api.refresh(first.refresh).status_code == 401
    counted = metrics(api)
    assert counted["refresh_tokens_replayed_total"] == 1
    assert counted['refusals_total{refusal="InvalidGrant"}'] == 1


@sqlite_only
@pytest.mark.parametrize(
    ("limit", "path", "body"),
    [
        ("login_address", "/login", {"email": EMAIL, "password": "wrong"}),
        ("login_pair", "/login", {"email": EMAIL, "password": "wrong"}),
        ("login_account", "/login", {"email": EMAIL, "password": "wrong"}),
        ("login_success", "/login", {"email": EMAIL, "password": PASSWORD}),
        ("register", "/register", {"email": "other@example.com", "password": PASSWORD}),
    ],
)
def test_a_429_is_counted_by_the_limit_that_refused(
    make_api: MakeApi, limit: str, path: str, body: dict[str, str]
) -> None:
    api = make_api(**{f"limit_{limit}": "1/hour"})
    if path == "/login":
        api.register()
    api.client.post(path, json=body)
    api.expect(429, "POST", path, json=body)
    counted = metrics(api)
    refused = {name: count for name, count in counted.items() if name.startswith("rate_limited")}
    assert {name for name, count in refused.items() if count} == {
        f'rate_limited_total{{limit="{limit}"}}'
    }
    assert counted['refusals_total{refusal="RateLimited"}'] == 1


@sqlite_only
def test_a_refresh_past_its_limit_is_counted(make_api: MakeApi) -> None:
    api = make_api(limit_refresh="1/hour")
    tokens = api.register_and_login()
    api.refresh(tokens.refresh)
    assert api.refresh(tokens.refresh).status_code == 429
    assert metrics(api)['rate_limited_total{limit="refresh"}'] == 1


@sqlite_only
def test_each_kind_of_refusal_is_counted_by_its_class(api: Api) -> None:
    api.register()
    wrong = {"email": EMAIL, "password": "wrong"}
    asked: list[tuple[str, int, str, str, dict[str, object]]] = [
        ("NoCredential", 401, "GET", "/verify", {}),
        ("InvalidToken", 401, "GET", "/verify", {"headers": {"Authorization": "Bearer x"}}),
        ("InvalidToken", 401, "POST", "/logout", {"headers": {"Authorization": "Bearer x"}}),
        ("InvalidCredentials", 401, "POST", "/login", {"json": wrong}),
        ("InvalidGrant", 401, "POST", "/refresh", {"json": {"refresh_token": "a.b.c"}}),
        ("NotFound", 404, "GET", "/nowhere", {}),
        ("MethodNotAllowed", 405, "DELETE", "/login", {}),
        ("InvalidField", 422, "POST", "/login", {"json": {}}),
    ]
    for refusal, status, method, path, more in asked:
        name = f'refusals_total{{refusal="{refusal}"}}'
        before = metrics(api)[name]
        api.expect(status, method, path, **more)
        assert metrics(api)[name] == before + 1, refusal


@sqlite_only
def test_a_refused_preflight_is_counted(make_api: MakeApi) -> None:
    api = make_api(cors_origins="https://app.example")
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    api.expect(403, "OPTIONS", "/login", headers=headers)
    assert metrics(api)['refusals_total{refusal="OriginNotAllowed"}'] == 1


@sqlite_only
def test_passwords_that_wait_or_find_no_place_are_counted(make_api: MakeApi) -> None:
    api = make_api(hash_concurrency=1, hash_queue=15)
    pool, done = api.app.state.runtime.password_pool, threading.Event()
    portal = api.client._transport._portal  # type: ignore[attr-defined]
    taken = [portal.start_task_soon(pool.run, f"192.0.2.{n // 2}", done.wait, 60) for n in range(4)]
    try:
        until(lambda: metrics(api)["hash_queue_length"] == 3)
        with pytest.raises(Unavailable):
            portal.call(pool.run, "192.0.2.1", str)
    finally:
        done.set()
    assert all(call.result() for call in taken)
    counted = metrics(api)
    assert counted['hash_refused_total{reason="share"}'] == 1
    assert counted['hash_refused_total{reason="full"}'] == 0
    assert counted["hash_queue_length"] == 0


@sqlite_only
def test_requests_that_wait_for_revocations_are_counted(api: Api) -> None:
    api.expect(200, "GET", "/revocations")

    async def exercise() -> None:
        transport = httpx.ASGITransport(api.app)
        query = {"since": repr(api.app.state.runtime.revocations.as_of), "wait": "30"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            waiting = asyncio.create_task(client.get("/revocations", params=query))
            await asyncio.wait([waiting], timeout=0.5)
            page = (await client.get("/metrics")).text
            assert samples(page)["revocation_waiters"] == 1
            waiting.cancel()
            await asyncio.wait([waiting])
            assert samples((await client.get("/metrics")).text)["revocation_waiters"] == 0

    asyncio.run(exercise())


def test_connections_are_counted(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **SERVER) as server:

        def counted() -> dict[str, float]:
            return samples(ask(server, request("GET", "/metrics")).raw.decode())

        until(lambda: counted()["connections_open"] == 1)  # the one that asks
        with connect(server), connect(server) as second:
            until(lambda: counted()["connections_open"] == 3)
            send(second, b"no HTTP\r\n\r\n")
            until(lambda: counted()['refusals_total{refusal="BadRequest"}'] == 1)
        until(lambda: counted()["connections_open"] == 1)
        assert counted()["connections_opened_total"] > 3
        assert counted()["connections_cut_total"] == 0


@sqlite_only
def test_a_token_that_is_accepted_is_counted_once(api: Api) -> None:
    tokens = api.register_and_login()
    metrics(api)
    before = metrics(api)
    for _ in range(20):
        assert api.verify(tokens) == 204
    # What passes by itself: the age of the last poll, and what the mail thread asks.
    by_itself = ("staleness", "skew", "mail", "statements", "request_seconds")
    after = metrics(api)
    assert after.pop('requests_total{route="/verify",status="204"}') == 20
    before['requests_total{route="GET /metrics",status="200"}'] += 1
    assert {
        name: value for name, value in after.items() if not any(map(name.count, by_itself))
    } == {name: value for name, value in before.items() if not any(map(name.count, by_itself))}


@sqlite_only
def test_nothing_that_a_stranger_sends_makes_the_page_longer(api: Api) -> None:
    send_strange_requests(api, 1)
    before = metrics(api).keys()
    send_strange_requests(api, 30)
    assert metrics(api).keys() == before


def send_strange_requests(api: Api, count: int) -> None:
    for number in range(count):
        api.client.get(f"/{number}")
        api.client.request(f"M{number}", "/login")
        api.client.post("/login", json={"email": f"{number}@example.com", "password": "wrong"})
        api.client.post("/login", json={f"field{number}": 1})
        api.client.get("/verify", headers={"Authorization": f"Bearer {number}"})
        api.client.get(f"/verify/{number}")
        api.client.delete(f"/sessions/{number}")
        api.client.options(f"/{number}")
    api.client.get("/metrics")


@sqlite_only
def test_requests_are_counted_by_route_and_status(api: Api) -> None:
    tokens = api.register_and_login()
    asked = [
        ("GET /me", 200, "GET", "/me", {"headers": tokens.bearer}),
        ("GET /me", 401, "GET", "/me", {}),
        ("GET /me", 401, "HEAD", "/me", {}),
        ("/verify", 204, "GET", "/verify", {"headers": tokens.bearer}),
        ("/verify", 401, "PUT", "/verify/api/reports", {}),
        ("DELETE /sessions/{session_id}", 404, "DELETE", "/sessions/x", {"headers": tokens.bearer}),
        ("other", 404, "GET", "/nowhere", {}),
        ("other", 405, "GET", "/login", {}),
        ("OPTIONS", 405, "OPTIONS", "/login", {}),
    ]
    for route, status, method, path, more in asked:
        name = f'requests_total{{route="{route}",status="{status}"}}'
        times = f'request_seconds_count{{route="{route}"}}'
        before = metrics(api)
        api.expect(status, method, path, **more)
        after = metrics(api)
        assert after[name] == before.get(name, 0) + 1, route
        assert after[times] == before.get(times, 0) + 1, route
        assert after[f'request_seconds_bucket{{le="+Inf",route="{route}"}}'] == after[times]


@sqlite_only
def test_log_ins_are_counted_by_outcome(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="1/hour", login_needs_verified_email=True)
    api.register()
    body = {"email": EMAIL, "password": PASSWORD}
    for outcome, status, sent in [
        ("email_not_verified", 403, body),
        ("invalid_credentials", 401, body | {"password": "wrong"}),
        ("rate_limited", 429, body),
    ]:
        name = f'logins_total{{outcome="{outcome}"}}'
        assert metrics(api)[name] == 0
        api.expect(status, "POST", "/login", json=sent)
        assert metrics(api)[name] == 1
    assert metrics(api)['logins_total{outcome="succeeded"}'] == 0


def test_refreshes_are_counted_by_row_of_the_rule(api: Api) -> None:
    first = api.register_and_login()
    second = api.refreshed(first.refresh, KEY)
    api.refreshed(first.refresh, KEY)
    api.refreshed(second.refresh, f"another-{KEY}")
    assert api.refresh(first.refresh).status_code == 401  # late, under no key
    counted = metrics(api)
    rows = {row: counted[f'refreshes_total{{row="{row}"}}'] for row in Answer}
    assert {row: count for row, count in rows.items() if count} == {
        Answer.NEW_PAIR: 2,
        Answer.SAME_SUCCESSOR: 1,
        Answer.REPLAY: 1,
    }
    assert counted['events_total{event="login_succeeded"}'] == 1
    assert counted['logins_total{outcome="succeeded"}'] == 1


@sqlite_only
def test_the_time_that_a_password_waits_is_measured(api: Api) -> None:
    api.register_and_login()
    counted = metrics(api)
    assert counted["hash_wait_seconds_count"] == 2  # one hash each
    assert 0 < counted["hash_wait_seconds_sum"] < 60


def test_the_connections_in_use_are_told(api: Api) -> None:
    db = api.app.state.runtime.db
    name = 'database_connections_in_use{pool="request"}'
    assert metrics(api)[name] == 0
    with db.connect(), db.connect():
        assert metrics(api)[name] == 2
    assert metrics(api)['database_connections_allowed{pool="request"}'] == db.most_connections
