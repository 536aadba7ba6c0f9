"""A log that can't be written loses its lines, and changes no answer.

Kind: a side effect after the point of no return fails the call. What is for the log decides nothing
that a caller is told: not a full disk under stderr, not a closed pipe, not a handler or a processor
of the host program that raises.
"""

import asyncio
import json
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import structlog

from authapi.verifier import InvalidTokenError
from authapi.verifier.bearer import refused_token
from authapi.verifier.following.fetching import FetchError
from authapi.verifier.following.retrying import RepeatingTask
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.server import Running, ServerProcess
from tests.support.settings import SERVER

ADA = {"email": EMAIL, "password": PASSWORD}
FORGED = {"Authorization": "Bearer forged"}


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


class Unheard(ServerProcess):
    """A server whose output goes to a descriptor that takes nothing."""

    def __init__(self, folder: Path, output: int, *arguments: str) -> None:
        super().__init__(folder, *arguments, **SERVER)
        self._output = output

    def _launch(self) -> Running:
        return subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )


class KeptConnection:
    """One connection, which is never opened again."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.connect()
        self._connection.auto_open = 0

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        sent = {"Content-Type": "application/json", **headers} if body else headers
        self._connection.request(method, path, json.dumps(body) if body else None, sent)
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, dict(json.loads(text)) if text else {}

    def close(self) -> None:
        self._connection.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
@pytest.mark.parametrize("make_output", [closed_pipe, full_disk])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_whose_log_is_gone_answers_as_always(
    tmp_path: Path, make_output: Callable[[], int], workers: str
) -> None:
    output = make_output()
    with (
        Unheard(tmp_path, output, "--workers", workers) as server,
        closing(KeptConnection(server.port)) as client,
    ):
        assert client.ask("POST", "/register", ADA)[0] == 201
        wrong = {**ADA, "password": "a wrong horse"}
        assert client.ask("POST", "/login", wrong)[0] == 401
        status, pair = client.ask("POST", "/login", ADA)
        assert status == 200
        assert client.ask("GET", "/me", **FORGED)[0] == 401
        status, pair = client.ask("POST", "/refresh", {"refresh_token": pair["refresh_token"]})
        assert status == 200
        bearer = {"Authorization": f"Bearer {pair['access_token']}"}
        assert client.ask("POST", "/logout/all", **bearer)[0] == 204
        assert client.ask("POST", "/refresh", {"refresh_token": pair["refresh_token"]})[0] == 401
        assert client.ask("GET", "/readyz")[0] == 200
        server.stop()
    os.close(output)


def fail(*_: object) -> dict[str, Any]:
    raise RuntimeError("this log is broken")


@pytest.fixture
def broken_processors() -> Iterator[None]:
    """The host program has configured structlog, and its processor raises."""
    structlog.configure(processors=[fail])
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("broken_processors")
def test_a_host_whose_log_raises_gets_answers_as_always(api: Api) -> None:
    tokens = api.register_and_login()
    assert api.client.get("/me", headers=FORGED).status_code == 401
    refreshed = api.refreshed(tokens.refresh)
    assert api.refresh(tokens.refresh).status_code == 401  # a replay, which is an event
    assert api.refresh(refreshed.refresh).status_code == 401
    assert api.client.post("/logout", headers=FORGED).status_code == 401


class Failing(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("this log is broken")


@pytest.fixture
def broken_handler() -> Iterator[None]:
    """A handler of the verifier's host program raises."""
    log, handler = logging.getLogger("authapi.verifier"), Failing()
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(level)
    log.removeHandler(handler)


@pytest.mark.usefixtures("broken_handler")
def test_a_verifier_whose_log_raises_still_refuses_with_401() -> None:
    assert refused_token(InvalidTokenError("forged")).status == 401


@pytest.mark.usefixtures("broken_handler")
def test_a_verifier_whose_log_raises_goes_on_following_its_issuer() -> None:
    attempts = 0
    learned = asyncio.Event()

    async def step() -> float:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise FetchError("away")
        learned.set()
        return 60.0

    async def follow() -> None:
        task = RepeatingTask(step, longest_pause=0.01, after_failure=lambda: None)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            running = group.create_task(task.run())
            await learned.wait()
            running.cancel()

    asyncio.run(follow())
    assert attempts == 3


def test_the_verifiers_log_names_the_place_that_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "authapi.verifier"):
        refused_token(InvalidTokenError("forged"))
    [record] = caplog.records
    assert (record.name, record.filename) == ("authapi.verifier", "bearer.py")
