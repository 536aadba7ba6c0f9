"""The load generator: one wrk of one thread, whose refusals are failures."""

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.cores import on_core
from benchmarks.harness.missing import program
from benchmarks.harness.processes import ROOT, BenchmarkError

SCRIPTS = "benchmarks/lua"


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one run."""

    requests: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class Wrk:
    """What is sent, and how: everything of a run but its length."""

    url: str
    script: str
    arguments: tuple[str, ...]
    connections: int = 16
    headers: tuple[str, ...] = ()
    niceness: int = 0

    def start(self, seconds: int, core: int, *, warm_up: bool = False) -> "subprocess.Popen[str]":
        amount = ["-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "10s"]
        headers = [word for header in self.headers for word in ("-H", header)]
        command = ["nice", "-n", str(self.niceness), program("wrk"), *amount, *headers]
        script = ["-s", f"{SCRIPTS}/{self.script}", self.url, "--", *self.arguments]
        with on_core(core):
            return subprocess.Popen(  # noqa: S603 - our own command
                [*command, *script],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **({"EVERY_STATUS": "1"} if warm_up else {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def run(self, seconds: int, core: int, *, warm_up: bool = False) -> Load:
        """Raises BenchmarkError unless every request was answered, and with a success."""
        return self.finish(self.start(seconds, core, warm_up=warm_up), seconds)

    def finish(self, process: "subprocess.Popen[str]", seconds: int) -> Load:
        try:
            output, _ = process.communicate(timeout=seconds + 30)
        finally:
            process.kill()
        return self._read(output.splitlines())

    def stop(self, process: "subprocess.Popen[str]") -> Load:
        """End a run early: what it has counted so far."""
        if process.poll() is not None:
            raise BenchmarkError(f"{self.url}: the load ended by itself")
        process.send_signal(signal.SIGINT)
        return self.finish(process, 0)

    def _read(self, lines: Sequence[str]) -> Load:
        try:
            told = json.loads(lines[-1])
        except (IndexError, ValueError):
            raise BenchmarkError(f"{self.url}: wrk failed: {' '.join(lines)[-500:]}") from None
        if told["refused"] or told["broken"] or not told["requests"]:
            raise BenchmarkError(f"{self.url}: not every request succeeded: {told}")
        return Load(told["requests"], told["microseconds"] / 1e6)


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"
