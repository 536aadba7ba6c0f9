"""A real `authapi serve` on loopback: started, asked, stopped or killed by its id."""

import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Protocol, Self

import httpx

AUTHAPI = Path(sys.executable).with_name("authapi")
# Below those that the kernel gives to outgoing connections, which could take one between.
PORTS = range(20_000, 32_000)
START_TIMEOUT = 20.0
STOP_TIMEOUT = 15.0


class Running(Protocol):
    """A process, whatever started it."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def wait(self, timeout: float) -> int: ...


class ServerProcess:
    """One `authapi serve`; entering waits until it answers, leaving ends it whatever happened.

    `folder` is its working directory and keeps its log. `settings` are AUTHAPI_ variables without
    the prefix, in any case: `database_url="sqlite:///a.db"`. `ready=False` waits for any answer of
    /readyz and not for its 200: for a server whose database is down.
    """

    def __init__(
        self, folder: Path, *arguments: str, ready: bool = True, **settings: object
    ) -> None:
        self._folder = folder
        self._ready = ready
        self._environment = {
            **{name: value for name, value in os.environ.items() if "AUTHAPI_" not in name},
            **{f"AUTHAPI_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._process: Running | None = None
        self.port = free_port()
        self._command = ("serve", "--port", str(self.port), *arguments)
        self.log_file = folder / f"serve-{self.port}.log"

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
        """What it has written so far, of all its runs."""
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
        """SIGTERM, as an operator would; the exit status."""
        self._running.terminate()
        return self._running.wait(STOP_TIMEOUT)

    def kill(self) -> None:
        """SIGKILL, to its workers too: nothing of it runs on."""
        if self._running.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._running.wait(STOP_TIMEOUT)

    def client(self, timeout: float = 10) -> httpx.Client:
        return httpx.Client(base_url=self.base_url, trust_env=False, timeout=timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def _launch(self) -> Running:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                [AUTHAPI, *self._command],
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
            answer = client.get("/readyz")
        except httpx.TransportError:
            return False
        return answer.status_code == 200 or not self._ready


def free_port() -> int:
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")
