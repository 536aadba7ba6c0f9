"""The kind: one client that holds all places of a queue which everybody needs."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

import pytest

from authapi.errors import RateLimited, Unavailable
from authapi.services.limits.rate_limits import RateLimits
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.server import ServerProcess
from tests.support.settings import NEVER_OPENED, NO_LIMITS, SERVER, settings_for

CONNECTIONS = 70
ATTACKER, OWNER = "127.0.0.2", "127.0.0.1"
LONGEST_FLOOD_SECONDS = 20.0
SLOW_HASHES = {"hash_concurrency": 1, "hash_time_cost": 20, "hash_memory_kib": 8192}  # about 50 ms


def post(connection: HTTPConnection, path: str, **body: str) -> int:
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def connected(port: int, address: str) -> closing[HTTPConnection]:
    """Return a connection from an address of this machine."""
    source = (address, 0)
    return closing(HTTPConnection("127.0.0.1", port, timeout=30, source_address=source))


@contextmanager
def flood(port: int) -> Iterator[Counter[int]]:
    """Log in with unknown names from one address meanwhile, on many connections."""
    answers, ended = Counter[int](), threading.Event()
    deadline = monotonic() + LONGEST_FLOOD_SECONDS

    def attack(number: int) -> None:
        with connected(port, ATTACKER) as connection:
            guess = 0
            while not ended.wait(0.05) and monotonic() < deadline:
                guess += 1
                email = f"nobody{number}.{guess}@example.com"
                answers[post(connection, "/login", email=email, password="wrong")] += 1

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_seventy_connections_with_unknown_names_keep_nobody_from_logging_in(
    tmp_path: Path,
) -> None:
    settings = {**SERVER, **SLOW_HASHES}
    with ServerProcess(tmp_path, **settings) as server, connected(server.port, OWNER) as owner:
        assert post(owner, "/register", email=EMAIL, password=PASSWORD) == 201
        with flood(server.port) as answers:
            while answers.total() < CONNECTIONS:
                threading.Event().wait(0.05)
            logins = [post(owner, "/login", email=EMAIL, password=PASSWORD) for _ in range(5)]
        assert logins == [200] * 5
        assert set(answers) == {401, 503}


@contextmanager
def no_place_free(api: Api) -> Iterator[None]:
    """Let somebody else hold every place; the application has one."""
    done = threading.Event()
    portal = api.client._transport._portal  # type: ignore[attr-defined]
    pool = api.app.state.runtime.password_pool
    taken = portal.start_task_soon(pool.run, "somebody else", done.wait, 60)
    try:
        yield
    finally:
        done.set()
        taken.result()


@sqlite_only
@pytest.mark.parametrize(
    ("more", "error"),
    [({}, "already_registered"), ({"email": "eve@example.com"}, "username_taken")],
)
def test_what_is_taken_is_told_while_no_place_is_free(
    make_api: MakeApi, more: dict[str, str], error: str
) -> None:
    api = make_api(hash_concurrency=1, hash_queue=0)
    body = {"email": EMAIL, "password": PASSWORD, "username": "ada"}
    api.expect(201, "POST", "/register", json=body)
    with no_place_free(api):
        refusal = api.expect(409, "POST", "/register", json={**body, **more})
    assert refusal.json()["error"] == error


@sqlite_only
@pytest.mark.parametrize(("path", "answer"), [("/login", 401), ("/register", 201)])
def test_a_limit_is_told_while_no_place_is_free(make_api: MakeApi, path: str, answer: int) -> None:
    limits = {"limit_login_pair": "1/hour", "limit_register": "1/hour"}
    api = make_api(hash_concurrency=1, hash_queue=0, **limits)
    body = {"email": EMAIL, "password": PASSWORD}
    api.expect(answer, "POST", path, json=body)
    with no_place_free(api):
        api.expect(429, "POST", path, json=body)


@sqlite_only
def test_after_a_hundred_failures_in_a_row_nothing_is_hashed(make_api: MakeApi) -> None:
    row_alone = {**NO_LIMITS, "limit_login_account": "100000/hour"}
    api = make_api(hash_concurrency=1, hash_queue=0, **row_alone)
    body = {"email": EMAIL, "password": PASSWORD}
    for _ in range(100):
        api.expect(401, "POST", "/login", json=body)
    with no_place_free(api):
        api.expect(429, "POST", "/login", json=body)


@sqlite_only
def test_a_guess_that_got_no_place_is_not_counted(make_api: MakeApi) -> None:
    # Else a flood would lock the owners out who try meanwhile.
    api = make_api(hash_concurrency=1, hash_queue=0, limit_login_pair="1/hour")
    api.register()
    body = {"email": EMAIL, "password": PASSWORD}
    with no_place_free(api):
        for _ in range(3):
            api.expect(503, "POST", "/login", json=body)
    api.expect(200, "POST", "/login", json=body)


@sqlite_only
def test_no_address_holds_more_than_an_eighth_of_the_places(make_api: MakeApi) -> None:
    api = make_api(hash_concurrency=1, hash_queue=15)
    pool, done = api.app.state.runtime.password_pool, threading.Event()
    portal = api.client._transport._portal  # type: ignore[attr-defined]

    taken = [portal.start_task_soon(pool.run, "198.51.100.7", done.wait, 60) for _ in range(2)]
    try:
        with pytest.raises(Unavailable):
            portal.call(pool.run, "198.51.100.7", str)
        waiting = portal.start_task_soon(pool.run, "198.51.100.8", str)
    finally:
        done.set()
    assert [call.result() for call in taken] == [True, True]
    assert waiting.result() == ""
    assert portal.call(pool.run, "198.51.100.7", str) == ""


def test_a_guess_whose_request_is_cancelled_counts() -> None:
    # Else a client that hangs up could have passwords hashed without end, where that cancels.
    limits = RateLimits(settings_for(NEVER_OPENED, limit_login_address="1/hour"), TestClock())

    def guess() -> Iterator[None]:
        with limits.password_attempt("192.0.2.1") as count_for:
            count_for("ada", "")
            yield

    cancelled = guess()
    next(cancelled)
    del cancelled
    with pytest.raises(RateLimited):
        next(guess())
