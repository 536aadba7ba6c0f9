"""Redis beside two workers under load: gone, back, frozen, and full (`noeviction`).

In each state nobody is logged out, nothing is 5xx, a log-out ends a `session` at both workers, the
feed names it, and guesses are limited: by both workers together, or by each for itself.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import httpx
import pytest

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import ADA, Load, patient
from tests.support.cluster import Cluster
from tests.support.cookies import Jar
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.until import until

pytestmark = needs_redis

GUESSES, WORKERS = 20, 2  # GUESSES an hour are allowed, to each worker if it counts alone
BOUND_SECONDS = 30.0  # a poll is a second; without it a session is good for days
TRIES = 5
ASKED = 12  # times, on connections of their own, so that both workers are asked


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def workers(
    cluster: Cluster, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workers]:
    ours = {"redis_url": redis.url, "limit_login_pair": f"{GUESSES}/hour"}
    folder = tmp_path_factory.mktemp("workers")
    with Workers(folder, cluster.url, "--workers", str(WORKERS), **ours) as workers:
        yield workers


@pytest.fixture(scope="module")
def clients(workers: Workers) -> Iterator[Load]:
    with Load(workers.base_url).running() as load:
        yield load
    load.assert_sound()
    assert load.count(" 500") == 0


@pytest.fixture
def load(clients: Load, workers: Workers) -> Iterator[Load]:
    with workers.untouched():
        yield clients
        clients.goes_on()
    assert clients.told.wrong == []
    assert clients.count(" 500") == 0


@contextmanager
def gone(redis: RedisServer) -> Iterator[None]:
    redis.stop()
    try:
        yield
    finally:
        redis.start()


@contextmanager
def frozen(redis: RedisServer) -> Iterator[None]:
    redis.freeze()
    try:
        yield
    finally:
        redis.thaw()


def there(_redis: RedisServer) -> AbstractContextManager[None]:
    return nullcontext()


def back(redis: RedisServer) -> AbstractContextManager[None]:
    """It is there again, after all that."""
    return there(redis)


def post(load: Load, path: str, body: dict[str, str], **headers: str) -> httpx.Response:
    with load.client() as client:
        return patient(partial(client.post, path, json=body, headers=headers))


class Browser:
    """A browser with a `session` cookie."""

    def __init__(self, load: Load) -> None:
        self._load, jar = load, Jar()
        answer = post(load, "/login", {**ADA, "transport": "session"})
        assert answer.status_code == 200, answer.text
        jar.take(answer)
        self.sid = answer.json()["session_id"]
        self._headers = {**jar.header, "X-CSRF-Token": answer.json()["csrf_token"]}

    def statuses(self) -> set[int]:
        with self._load.client() as client:
            asked = [client.get("/verify", headers=self._headers) for _ in range(ASKED)]
        return {answer.status_code for answer in asked}

    def log_out(self) -> None:
        assert post(self._load, "/logout", {}, **self._headers).status_code == 204


@pytest.mark.parametrize(
    "state", [there, gone, frozen, RedisServer.full, back], ids=lambda state: state.__name__
)
def test_sessions_log_outs_the_feed_and_limits_go_on(
    state: Callable[[RedisServer], AbstractContextManager[None]], load: Load, redis: RedisServer
) -> None:
    email = f"{state.__name__}@example.com"
    before = Browser(load)
    assert before.statuses() == {204}  # so Redis has it
    with state(redis):
        during = Browser(load)
        for browser in (before, during):
            assert browser.statuses() == {204}
            browser.log_out()
            until(lambda: browser.statuses() == {401}, seconds=BOUND_SECONDS)  # noqa: B023
            with load.client() as client:
                assert browser.sid in client.get("/revocations").json()["sessions"]
        most = GUESSES if state in {there, back} else GUESSES * WORKERS
        # Of a busy machine Redis is late now and then: a worker counts by itself for a second.
        assert any(0 < guesses(load, f"{n}-{email}") <= most for n in range(TRIES))
        load.goes_on()
    assert before.statuses() == during.statuses() == {401}


def guesses(load: Load, email: str) -> int:
    """Guess until both workers refuse; return how many guesses were let through."""
    statuses = list[int]()
    while statuses[-ASKED:] != [429] * ASKED:
        body = {"email": email, "password": "not the right one"}
        statuses.append(post(load, "/login", body).status_code)
        assert set(statuses) <= {401, 429}
    return statuses.count(401)
