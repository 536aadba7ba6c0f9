"""Processes: started on a core, awaited until they answer, ended by their id whatever happens."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep

from benchmarks.harness import proc
from benchmarks.harness.cores import on_core

ROOT = Path(__file__).parents[2]
# Below those that the kernel gives to outgoing connections, which could take one between.
PORTS = range(20_000, 32_000)
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0


class BenchmarkError(Exception):
    """A figure that would mean nothing: the run stops."""


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs and answers."""

    name: str
    pid: int
    port: int

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def cpu_seconds(self) -> float:
        return proc.cpu_seconds(self.pid)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        return ask(self.port, "GET", path, headers=headers)


@contextmanager
def running(
    command: Sequence[str],
    *,
    core: int,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own group, ended at the end of the block with all that it started."""
    with on_core(core):
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=folder,
            env=clean_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


@contextmanager
def serving(
    name: str,
    command: Sequence[str],
    port: int,
    ready: str,
    *,
    core: int,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Iterator[Server]:
    """A server; the block begins when it answers at `ready`."""
    with running(command, core=core, environment=environment, folder=folder) as process:
        wait_until_it_answers(process, name, port, ready, pause=0.02)
        yield Server(name, process.pid, port)


def wait_until_it_answers(
    process: subprocess.Popen[bytes], name: str, port: int, ready: str, *, pause: float
) -> None:
    deadline = monotonic() + START_TIMEOUT
    while not _answers(port, ready):
        if process.poll() is not None:
            command = " ".join(map(str, process.args))  # type: ignore[arg-type]
            raise BenchmarkError(f"{name} stopped by itself. By hand: {command}")
        if monotonic() > deadline:
            raise BenchmarkError(f"{name} does not answer {ready} on port {port}")
        sleep(pause)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL, to the process and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_TIMEOUT)


def ask(
    port: int,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> tuple[int, bytes]:
    """Status and body. Raises OSError, HTTPException."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _answers(port: int, path: str) -> bool:
    try:
        status, _ = ask(port, "GET", path)
    except (OSError, HTTPException):
        return False
    return status == 200


def clean_environment() -> dict[str, str]:
    """Ours, without settings that somebody has exported."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AUTHAPI_")}


def free_port() -> int:
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchmarkError("no free port")
