"""Server processes on loopback: started, asked, stopped or killed by their id."""

import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol, Self

import httpx

from tests.support.settings import environment

AUTHAPI = Path(sys.executable).with_name("authapi")
# Below the ports that the kernel gives to outgoing connections, which could take one meanwhile.
PORTS = range(20_000, 32_000)
# What was given may not be bound yet, or not now. A process claims its ports in a file, a byte for
# each, until it ends: the workers of xdist give none to two tests.
GIVEN = set[int]()
CLAIMS = os.open(
    f"{tempfile.gettempdir()}/authapi-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600
)
START_TIMEOUT = 120.0  # seconds; the machine may be busy
STOP_TIMEOUT = 60.0
ANSWER_TIMEOUT = 60.0  # for one request; httpx gives up after 5 s


class Running(Protocol):
    """A process, whatever started it."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def wait(self, timeout: float) -> int: ...


class Program:
    """A command that serves HTTP on `port`. Entering waits for its answer, leaving ends it.

    `folder` is its working directory and keeps its log. It has started when it answers a GET of
    `asked` with anything but a server error.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        env: Mapping[str, str],
        port: int,
        asked: str = "/readyz",
    ) -> None:
        self._command = command
        self._folder = folder
        self._environment = dict(env)
        self._asked = asked
        self._process: Running | None = None
        self.port = port
        self.log_file = folder / f"serve-{port}.log"

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """Return what it has written so far, in all its runs."""
        return self.log_file.read_text(errors="replace")

    def start(self) -> None:
        """Start it, again if it ran before, and wait until it answers."""
        self._process = self._launch()
        try:
            self._wait_for_answer()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> int:
        """Send SIGTERM, as an operator would; return the exit status."""
        self._running.terminate()
        return self._running.wait(STOP_TIMEOUT)

    def kill(self) -> None:
        """Send SIGKILL, to its workers too: nothing of it runs on."""
        if self._running.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._running.wait(STOP_TIMEOUT)

    def client(self, timeout: float = 30) -> httpx.Client:
        return httpx.Client(base_url=self.base_url, trust_env=False, timeout=timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _launch(self) -> Running:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def _running(self) -> Running:
        assert self._process is not None, "not started"
        return self._process

    def _wait_for_answer(self) -> None:
        deadline = monotonic() + START_TIMEOUT
        with self.client(timeout=2) as client:
            while not self._answers(client):
                assert self._running.poll() is None, f"it stopped by itself:\n{self.log}"
                assert monotonic() < deadline, f"it does not answer:\n{self.log}"
                sleep(0.02)

    def _answers(self, client: httpx.Client) -> bool:
        try:
            return not client.get(self._asked).is_server_error
        except httpx.TransportError:
            return False


class ServerProcess(Program):
    """An `authapi serve`; `settings` are AUTHAPI_ variables without the prefix, in lower case."""

    def __init__(self, folder: Path, *arguments: str, **settings: object) -> None:
        port = free_port()
        command = (str(AUTHAPI), "serve", "--port", str(port), *arguments)
        super().__init__(command, folder, environment(**settings), port)


def free_port(in_a_row: int = 1) -> int:
    """Return the first of so many free ports in a row. None is given twice."""
    for port in random.SystemRandom().sample(PORTS, 100):
        row = range(port, port + in_a_row)
        if GIVEN.isdisjoint(row) and all(_is_claimed(port) and _is_free(port) for port in row):
            GIVEN.update(row)
            return port
    raise AssertionError("no free port")


def _is_claimed(port: int) -> bool:
    """Claim it; return whether no other process has."""
    try:
        fcntl.lockf(CLAIMS, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
