"""Processes: started on a core, awaited until they answer, ended whatever happens."""

import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep

import psutil

ROOT = Path(__file__).parents[2]
# Below the kernel's range for outgoing connections, which could take a port in between.
PORTS = range(20_000, 32_000)
START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 10.0
POLL_PAUSE_SECONDS = 0.02
MIB = 1024 * 1024
DEBIAN_PACKAGES = {"node": "nodejs"}


class BenchmarkError(Exception):
    """A figure would mean nothing: the row fails."""


class MissingProgramError(Exception):
    """One sentence: what to install. The rows that need it are not measured."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server that can be started; it is ready when it answers 200 at the path `ready`."""

    words: Sequence[str]
    port: int
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ROOT


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs and answers."""

    process: psutil.Process
    port: int

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str) -> tuple[int, bytes]:
        return _get(self.port, path)

    def cpu_seconds(self) -> float:
        """Return user and system time of all threads, those of living children too."""
        family = [self.process, *self.process.children(recursive=True)]
        times = [one.cpu_times() for one in family]
        return float(sum(one.user + one.system for one in times))

    def resident_mib(self) -> float:
        return float(self.process.memory_info().rss) / MIB

    def forget_peak(self) -> None:
        """Let the peak begin anew at what is resident now: proc(5), clear_refs."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak_resident_mib(self) -> float:
        # psutil does not tell the peak on Linux: proc(5), VmHWM.
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Pin what is started inside the block to that core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(
    words: Sequence[str],
    *,
    core: int,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Iterator[psutil.Popen]:
    """Start a process in a group of its own; end the group at the end of the block."""
    with on_core(core):
        process = psutil.Popen(
            words,
            cwd=folder,
            env=_clean_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except psutil.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def serving(
    program: Program, core: int, poll_pause: float = POLL_PAUSE_SECONDS
) -> Iterator[Server]:
    """Start a server; the block begins when the server is ready."""
    with running(
        program.words, core=core, environment=program.environment, folder=program.folder
    ) as process:
        deadline = monotonic() + START_TIMEOUT_SECONDS
        while not _answers(program):
            if process.poll() is not None or monotonic() > deadline:
                raise BenchmarkError(f"no answer at {program.ready}: {' '.join(program.words)}")
            sleep(poll_pause)
        yield Server(process, program.port)


def running_seconds(pids: Iterable[int]) -> float:
    """Return how long the threads of these processes ran, to the nanosecond: proc(5), schedstat.

    A process that has ended counts as nothing.
    """
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with suppress(OSError):
                total += int(thread.read_text().split()[0])
    return total / 1e9


def output_of(
    words: Sequence[str],
    *,
    core: int,
    environment: Mapping[str, str] | None = None,
    text: str = "",
    timeout: float = 120,
) -> str:
    """Run a command to its end and return its output. Raises BenchmarkError."""
    with on_core(core):
        done = subprocess.run(  # noqa: S603 - our own commands
            words,
            cwd=ROOT,
            env=_clean_environment() | dict(environment or {}),
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    if done.returncode:
        raise BenchmarkError(f"{' '.join(words)} failed: {done.stderr[-800:]}")
    return done.stdout


def program_path(name: str) -> str:
    """Return where the program is. Raises MissingProgramError."""
    if path := shutil.which(name):
        return path
    raise MissingProgramError(f"{name} is missing: apt install {DEBIAN_PACKAGES.get(name, name)}")


def free_port() -> int:
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise BenchmarkError("no free port")


def _answers(program: Program) -> bool:
    with suppress(OSError, HTTPException):
        return _get(program.port, program.ready)[0] == 200
    return False


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _clean_environment() -> dict[str, str]:
    """Return the environment without settings that somebody has exported."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AUTHAPI_")}
