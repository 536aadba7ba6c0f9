"""A clock that is wrong in one process of two on one PostgreSQL, set back and ahead meanwhile.

What is compared by several processes is the database's time: it stays right. A token's `exp` and
`iat` are read by the own clock, with the tolerance of the contract.
"""

from collections.abc import Iterator
from datetime import datetime
from time import time

import httpx
import pytest

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import ADA, bearer, patient
from tests.support.cluster import Cluster
from tests.support.leaping_clock import LeapingClock, needs_faketime
from tests.support.refresh_rule import new_key
from tests.support.until import until

pytestmark = needs_faketime

HOUR = 3600.0
FAR = [-2 * HOUR, 2 * HOUR]
NOTICED_SECONDS = 90.0  # the clock is read once a second, and the poll has to follow
BOUND_SECONDS = 30.0  # a poll is a second; without it a token is good for 15 minutes
NEAR_SECONDS = 15.0  # what two clocks may differ here: the machine is busy
SHORT_TTL, LEEWAY = 60, 30


class Pair:
    """The right process and the one whose clock a test sets."""

    def __init__(self, right: Workers, wrong: Workers, clock: LeapingClock) -> None:
        self.right, self.wrong, self._clock = right, wrong, clock

    def ask(self, server: Workers, method: str, path: str, **more: object) -> httpx.Response:
        with server.client() as client:
            return patient(lambda: client.request(method, path, **more))  # type: ignore[arg-type]

    def log_in(self, server: Workers) -> dict[str, str]:
        answer = self.ask(server, "POST", "/login", json=ADA)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, server: Workers, pair: dict[str, str]) -> httpx.Response:
        body, kept = {"refresh_token": pair["refresh_token"]}, {"Idempotency-Key": new_key()}
        return self.ask(server, "POST", "/refresh", json=body, headers=kept)

    def verify(self, server: Workers, pair: dict[str, str]) -> int:
        return self.ask(server, "GET", "/verify", headers=bearer(pair)).status_code

    def log_out(self, server: Workers, pair: dict[str, str]) -> None:
        answer = self.ask(server, "POST", "/logout", headers=bearer(pair))
        assert answer.status_code == 204, answer.text

    def leap(self, seconds: float) -> None:
        """Set the wrong clock, and wait until its process has noticed."""
        self._clock.set(seconds)
        until(
            lambda: abs(self._skew() - seconds) < NEAR_SECONDS, seconds=NOTICED_SECONDS, every=0.1
        )

    def _skew(self) -> float:
        page = self.ask(self.wrong, "GET", "/metrics").text
        [line] = [each for each in page.splitlines() if "authapi_clock_skew_seconds " in each[:28]]
        return float(line.split()[1])


def pair_of(cluster: Cluster, folder: pytest.TempPathFactory, **settings: object) -> Iterator[Pair]:
    place = folder.mktemp("pair")
    clock = LeapingClock(place)
    right = Workers(place, cluster.url, "--workers", "1", **settings)
    wrong = Workers(place, cluster.url, "--workers", "1", **settings)
    wrong._environment |= clock.environment
    with right, wrong:
        pair = Pair(right, wrong, clock)
        pair.ask(right, "POST", "/register", json=ADA)
        yield pair


@pytest.fixture(scope="module")
def pair_by_default(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    yield from pair_of(cluster, tmp_path_factory)


@pytest.fixture
def pair(pair_by_default: Pair) -> Iterator[Pair]:
    yield pair_by_default
    pair_by_default.leap(0)


@pytest.mark.parametrize("seconds", FAR)
def test_a_process_whose_clock_is_far_off_is_not_ready_and_says_why(
    pair: Pair, seconds: float
) -> None:
    pair.leap(seconds)
    with pair.wrong.client() as client:
        # On a busy machine the database may be late, and is named then too.
        until(lambda: client.get("/readyz").json().get("not_ready") == ["clock"], every=0.1)
        assert client.get("/readyz").status_code == 503
    assert pair.ask(pair.right, "GET", "/readyz").status_code == 200
    pair.leap(0)
    assert pair.ask(pair.wrong, "GET", "/readyz").status_code == 200


@pytest.mark.parametrize("seconds", FAR)
def test_sessions_and_tokens_have_the_times_of_the_database(pair: Pair, seconds: float) -> None:
    """So what the wrong process makes is good at the right one, and its sessions end in time."""
    pair.leap(seconds)
    made = pair.log_in(pair.wrong)
    assert pair.verify(pair.right, made) == 204
    refreshed = pair.refresh(pair.wrong, made)
    assert refreshed.status_code == 200, refreshed.text
    assert pair.verify(pair.right, refreshed.json()) == 204
    assert pair.refresh(pair.right, refreshed.json()).status_code == 200
    sessions = pair.ask(pair.right, "GET", "/sessions", headers=bearer(refreshed.json())).json()
    [own] = [each for each in sessions if each["current"]]
    created_at = datetime.fromisoformat(own["created_at"]).timestamp()
    assert abs(created_at - time()) < HOUR / 2


@pytest.mark.parametrize("seconds", FAR)
def test_a_log_out_counts_at_both_whichever_clock_is_wrong(pair: Pair, seconds: float) -> None:
    """Also after the clock was set right again."""
    there, here = pair.log_in(pair.right), pair.log_in(pair.right)
    assert [pair.verify(pair.wrong, each) for each in (there, here)] == [204, 204]
    pair.log_out(pair.right, there)
    pair.leap(seconds)
    pair.log_out(pair.wrong, here)
    for each in (there, here):
        until(lambda: pair.verify(pair.right, each) == 401, seconds=BOUND_SECONDS)  # noqa: B023
        assert pair.verify(pair.wrong, each) == 401
        assert pair.refresh(pair.wrong, each).status_code == 401
    pair.leap(0)
    assert [pair.verify(pair.wrong, each) for each in (there, here)] == [401, 401]


@pytest.mark.parametrize("seconds", [-25.0, 25.0])
def test_a_clock_that_is_a_little_off_is_ready_and_takes_new_tokens(
    pair: Pair, seconds: float
) -> None:
    pair.leap(seconds)
    made = pair.log_in(pair.right)
    assert pair.verify(pair.wrong, made) == 204
    assert pair.ask(pair.wrong, "GET", "/readyz").status_code == 200


def test_far_ahead_tokens_have_run_out_and_far_behind_they_are_not_in_force(pair: Pair) -> None:
    """The process refuses too much, never too little. Refreshing helps at no such process."""
    made = pair.log_in(pair.right)
    for seconds in FAR:
        pair.leap(seconds)
        assert pair.verify(pair.wrong, made) == 401
        assert pair.verify(pair.right, made) == 204
        assert pair.ask(pair.wrong, "GET", "/me", headers=bearer(made)).status_code == 401


@pytest.mark.parametrize(("leeway", "status"), [(0, 401), (LEEWAY, 204)])
def test_the_leeway_lets_a_token_live_longer_by_a_clock_that_is_ahead(
    leeway: int, status: int, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ours = {"access_token_ttl": SHORT_TTL, "clock_leeway": leeway}
    for pair in pair_of(cluster, tmp_path_factory, **ours):
        pair.leap(SHORT_TTL + LEEWAY / 6)
        assert pair.verify(pair.wrong, pair.log_in(pair.right)) == status
