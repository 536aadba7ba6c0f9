"""A service with the verifier, and real servers that are stopped, killed and started meanwhile."""

import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any, Self

import pytest

from authapi.verifier import InvalidTokenError, Verifier
from tests.support.counted_polls import PlainPolls
from tests.support.forked import ForkedServer
from tests.support.installation import ADA, ISSUER
from tests.support.postgresql import PostgreSQL
from tests.support.settings import SERVER
from tests.support.until import until

SCRIPT = Path(__file__).with_name("forking_service.py")
TO_BE_FROZEN = Path(__file__).with_name("frozen_service.py")
FROZEN_FOR_SECONDS = 2.5  # longer than the script's catch_up


class Issuer:
    """A server, and a client that logs in and out at it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.server = ForkedServer(folder, **settings)
        self.server._environment.setdefault("AUTHAPI_PUBLIC_URL", self.server.base_url)
        self.client = self.server.client()

    def log_in(self) -> str:
        answer = self.client.post("/login", json=ADA)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def log_out(self, token: str) -> None:
        bearer = {"Authorization": f"Bearer {token}"}
        assert self.client.post("/logout", headers=bearer).status_code == 204

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.kill()


@pytest.fixture(scope="module")
def one_issuer(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Issuer]:
    folder = tmp_path_factory.mktemp("issuer")
    shutil.copy(sqlite_template, folder / "authapi.db")
    with Issuer(folder, **SERVER) as running:
        assert running.client.post("/register", json=ADA).status_code == 201
        yield running


@pytest.fixture
def issuer(one_issuer: Issuer) -> Issuer:
    """It runs, whatever the test before did to it."""
    if not one_issuer.server.is_running:
        one_issuer.server.start()
    return one_issuer


@pytest.fixture
def service(issuer: Issuer) -> Iterator[Verifier]:
    with Verifier(issuer=issuer.server.base_url, audience="authapi") as verifier:
        yield verifier


def is_refused(verifier: Verifier, token: str) -> bool:
    try:
        verifier.verify(token)
    except InvalidTokenError:
        return True
    return False


def seconds_to_refuse(verifier: Verifier, issuer: Issuer) -> float:
    """From the answer to a log-out until the service refuses the session's token."""
    token = issuer.log_in()
    verifier.verify(token)
    issuer.log_out(token)
    return until(lambda: is_refused(verifier, token))


def test_a_log_out_is_known_in_milliseconds(issuer: Issuer, service: Verifier) -> None:
    taken = [seconds_to_refuse(service, issuer) for _ in range(20)]
    assert statistics.median(taken) < 0.1


def test_a_log_out_is_known_within_two_polls_where_nobody_may_wait(issuer: Issuer) -> None:
    with Verifier(
        issuer=issuer.server.base_url, audience="authapi", transport=PlainPolls()
    ) as verifier:
        assert max(seconds_to_refuse(verifier, issuer) for _ in range(3)) < 2.5


def test_a_log_out_at_another_server_is_known_in_milliseconds(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    with postgresql.database() as name:
        shared = {
            **SERVER,
            "database_url": postgresql.url(name),
            "public_url": ISSUER,
        }
        with (
            Issuer(tmp_path, **shared) as one,
            Issuer(tmp_path, **shared) as other,
            Verifier(issuer=ISSUER, audience="authapi", fetch_from=one.server.base_url) as verifier,
        ):
            one.client.post("/register", json=ADA)
            taken = [seconds_to_refuse(verifier, other) for _ in range(20)]
    assert statistics.median(taken) < 0.1


def test_tokens_are_verified_while_the_issuer_is_dead(issuer: Issuer, service: Verifier) -> None:
    seen, unseen = issuer.log_in(), issuer.log_in()
    service.verify(seen)
    issuer.server.kill()
    until(lambda: service.status().problem is not None)
    assert service.verify(seen)
    assert service.verify(unseen)


def test_a_log_out_from_before_the_issuer_died_stays_known(
    issuer: Issuer, service: Verifier
) -> None:
    token = issuer.log_in()
    service.verify(token)
    issuer.log_out(token)
    until(lambda: is_refused(service, token))
    issuer.server.kill()
    until(lambda: service.status().problem is not None)
    assert is_refused(service, token)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_after_the_issuer_was_started_again_a_log_out_is_known_as_before(
    issuer: Issuer, service: Verifier, how: str
) -> None:
    token = issuer.log_in()
    service.verify(token)
    getattr(issuer.server, how)()
    until(lambda: service.status().problem is not None)
    issuer.server.start()
    issuer.log_out(token)
    assert until(lambda: is_refused(service, token)) < 2.5
    assert seconds_to_refuse(service, issuer) < 1


def test_a_service_that_began_before_its_issuer_is_ready_once_that_is_there(
    issuer: Issuer,
) -> None:
    token = issuer.log_in()
    issuer.server.stop()
    with Verifier(issuer=issuer.server.base_url, audience="authapi") as verifier:
        assert is_refused(verifier, token)
        issuer.server.start()
        until(lambda: not is_refused(verifier, token))


def test_the_workers_of_a_pre_fork_server_learn_each_for_itself(issuer: Issuer) -> None:
    token = issuer.log_in()
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), issuer.server.base_url, token],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "all have verified\n"
            issuer.log_out(token)
            assert process.wait(60) == 0
        finally:
            process.kill()


class FrozenService:
    """A process that verifies, and the signals that freeze and thaw it."""

    def __init__(self, issuer: Issuer) -> None:
        command = [sys.executable, str(TO_BE_FROZEN), issuer.server.base_url]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._read() == "ready"

    def ask(self, token: str) -> None:
        assert self._process.stdin
        print(token, file=self._process.stdin, flush=True)

    def answer(self) -> tuple[str, float]:
        """What it says to the token, and the seconds that it took."""
        said, _, seconds = self._read().partition("|")
        return said, float(seconds)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@pytest.fixture
def frozen_service(issuer: Issuer) -> Iterator[FrozenService]:
    service = FrozenService(issuer)
    yield service
    service.end()


@pytest.mark.parametrize("turn", range(3))
def test_a_process_that_was_frozen_refuses_at_once_what_ended_meanwhile(
    issuer: Issuer, frozen_service: FrozenService, turn: int
) -> None:
    ended, going_on = issuer.log_in(), issuer.log_in()
    for token in (ended, going_on):
        frozen_service.ask(token)
        assert frozen_service.answer()[0] == "accepted"
    frozen_service.freeze()
    issuer.log_out(ended)
    sleep(FROZEN_FOR_SECONDS)
    frozen_service.ask(ended)  # it lies there: the thread that verifies is first, if it can be
    frozen_service.thaw()
    assert frozen_service.answer()[0] == "its session or its key is revoked"
    frozen_service.ask(going_on)
    assert frozen_service.answer()[0] == "accepted"


def test_a_process_that_was_frozen_waits_once_for_an_issuer_that_died_meanwhile(
    issuer: Issuer, frozen_service: FrozenService
) -> None:
    token = issuer.log_in()
    frozen_service.freeze()
    issuer.server.kill()
    sleep(FROZEN_FOR_SECONDS)
    frozen_service.ask(token)
    frozen_service.thaw()
    said, seconds = frozen_service.answer()
    assert (said, seconds > 1.5) == ("accepted", True)
    assert seconds < 4
    for _ in range(5):
        frozen_service.ask(token)
        said, seconds = frozen_service.answer()
        assert (said, seconds < 0.5) == ("accepted", True)
