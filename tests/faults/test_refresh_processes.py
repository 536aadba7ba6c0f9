"""The refresh rule between real processes: many at one moment, and killed in the middle of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from threading import Barrier, Event, Thread

import httpx
import pytest

from tests.support.databases import DATABASES
from tests.support.installation import Installation
from tests.support.postgresql import PostgreSQL
from tests.support.refresh_rule import new_key

REQUESTS = 50
DEVICES = 8
KILLS = 2


def log_in(service: Installation) -> str:
    """Return the refresh token of a new session."""
    return str(service.log_in()["refresh_token"])


def refresh(service: Installation, token: str, key: str | None, server: int = 0) -> httpx.Response:
    """Ask again while the answer is 503, as clients do."""
    headers = {"Idempotency-Key": key} if key else {}
    for _ in range(20):
        answer = service.clients[server].post(
            "/refresh", json={"refresh_token": token}, headers=headers
        )
        if answer.status_code != 503:
            return answer
    raise AssertionError("503 and no end")


@pytest.fixture(scope="module", params=DATABASES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Yield two processes on PostgreSQL, one on SQLite."""
    folder = tmp_path_factory.mktemp("serve")
    with ExitStack() as stack:
        url, servers = f"sqlite:///{folder}/authapi.db", 1
        if request.param == "postgresql":
            postgresql: PostgreSQL = request.getfixturevalue("postgresql")
            url, servers = postgresql.url(stack.enter_context(postgresql.database())), 2
        service = stack.enter_context(Installation(folder, url, servers))
        service.register()
        yield service


def refresh_at_once(service: Installation, token: str, key: str | None) -> list[httpx.Response]:
    barrier = Barrier(REQUESTS)

    def refresh_once(number: int) -> httpx.Response:
        barrier.wait()
        return refresh(service, token, key, number % len(service.clients))

    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(refresh_once, range(REQUESTS)))


def test_of_fifty_parallel_requests_with_one_token_one_is_answered(service: Installation) -> None:
    answers = refresh_at_once(service, log_in(service), None)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [401] * (REQUESTS - 1)


def test_fifty_parallel_requests_without_a_key_end_the_session(service: Installation) -> None:
    answers = refresh_at_once(service, log_in(service), None)
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert refresh(service, winner.json()["refresh_token"], None).status_code == 401


def test_fifty_parallel_requests_with_one_key_get_the_same_token(service: Installation) -> None:
    answers = refresh_at_once(service, log_in(service), new_key())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_the_token_that_fifty_got_is_good(service: Installation) -> None:
    answers = refresh_at_once(service, log_in(service), new_key())
    assert refresh(service, answers[-1].json()["refresh_token"], new_key()).status_code == 200


@dataclass
class Device:
    """A client that keeps its key with its token and refreshes without rest."""

    service: Installation
    token: str
    key: str = field(default_factory=new_key)

    def refresh(self) -> int:
        answer = refresh(self.service, self.token, self.key)
        if answer.status_code == 200:
            self.token, self.key = answer.json()["refresh_token"], new_key()
        return answer.status_code

    def refresh_until_cut_off(self) -> None:
        try:
            while self.refresh() == 200:
                pass
        except httpx.TransportError:
            return


@dataclass
class Survivors:
    devices: list[Device]
    first_tokens: list[str]
    retries: list[int]


@pytest.fixture(scope="module")
def survivors(service: Installation) -> Survivors:
    """Devices whose requests were cut off by kill -9 at random moments, and tried again after."""
    chance = Random(9700)
    devices = [Device(service, log_in(service)) for _ in range(DEVICES)]
    survivors = Survivors(devices, [device.token for device in devices], [])
    for _ in range(KILLS):
        threads = [Thread(target=device.refresh_until_cut_off) for device in devices]
        for thread in threads:
            thread.start()
        Event().wait(chance.uniform(0.02, 0.1))
        service.servers[0].kill()
        for thread in threads:
            thread.join()
        service.servers[0].start()
        survivors.retries += [device.refresh() for device in devices]
    return survivors


def test_after_a_kill_a_retry_with_its_key_succeeds(survivors: Survivors) -> None:
    assert survivors.retries == [200] * DEVICES * KILLS


def test_after_a_kill_the_next_refresh_succeeds(survivors: Survivors) -> None:
    assert [device.refresh() for device in survivors.devices] == [200] * DEVICES


def test_after_a_kill_no_second_chain_is_alive(survivors: Survivors, service: Installation) -> None:
    for device, stolen in zip(survivors.devices, survivors.first_tokens, strict=True):
        assert refresh(service, stolen, None).status_code == 401
        assert device.refresh() == 401
