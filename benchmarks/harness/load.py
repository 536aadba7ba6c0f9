"""The load generator: one wrk of one thread. A refusal is a failure."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.harness.processes import ROOT, BenchmarkError, Server, on_core, program_path
from benchmarks.harness.rounds import Measure, Sample
from benchmarks.harness.stage import Stage

SCRIPTS = "benchmarks/lua"
CONNECTIONS = 16
JSON_BODY = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Wrk:
    """A run of wrk, but for its length. It returns how many requests, and in how many seconds."""

    url: str
    script: str
    arguments: tuple[str, ...]
    headers: tuple[str, ...] = ()
    niceness: int = 0

    def start(self, seconds: int, core: int, *, is_first: bool = False) -> "subprocess.Popen[str]":
        words = ["nice", "-n", str(self.niceness), program_path("wrk")]
        words += ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s"]
        words += [word for header in self.headers for word in ("-H", header)]
        words += ["-s", f"{SCRIPTS}/{self.script}", self.url, "--", *self.arguments]
        with on_core(core):
            return subprocess.Popen(  # noqa: S603 - our own command
                words,
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **({"EVERY_STATUS": "1"} if is_first else {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def run(self, seconds: int, core: int, *, is_first: bool = False) -> tuple[int, float]:
        """Raises BenchmarkError unless every request was answered with a success."""
        return self.finish(self.start(seconds, core, is_first=is_first), seconds)

    def stop(self, process: "subprocess.Popen[str]") -> tuple[int, float]:
        """End a run early and return what it has counted so far."""
        if process.poll() is not None:
            raise BenchmarkError(f"{self.url}: the load ended by itself")
        process.send_signal(signal.SIGINT)
        return self.finish(process, 0)

    def finish(self, process: "subprocess.Popen[str]", seconds: int) -> tuple[int, float]:
        try:
            output, _ = process.communicate(timeout=seconds + 30)
        finally:
            process.kill()
        try:
            told = json.loads(output.splitlines()[-1])
        except (IndexError, ValueError):
            raise BenchmarkError(f"{self.url}: wrk failed: {output[-500:]}") from None
        if told["refused"] or told["broken"] or not told["requests"]:
            raise BenchmarkError(f"{self.url}: not every request succeeded: {told}")
        return told["requests"], told["microseconds"] / 1e6


def under_load(stage: Stage, server: Server, load: Callable[[int], Wrk]) -> Measure:
    """Measure a new load each time. `load` is told how many requests were sent before, at most."""
    sent = 0

    def measure(seconds: int) -> Sample:
        nonlocal sent
        before = server.cpu_seconds()
        requests, took = load(sent).run(seconds, stage.load_core, is_first=sent == 0)
        cpu = server.cpu_seconds() - before
        # What was under way at the end was sent, and so was one for each connection after it.
        sent += requests + 2 * CONNECTIONS
        return Sample(requests / took, cpu / requests)

    return measure


def getting(stage: Stage, server: Server, path: str, headers: Iterable[str], *more: str) -> Measure:
    """Measure GET with these headers in turn, and with `more` each time."""
    arguments = (stage.file_of(headers), "header", "0", "again")
    load = Wrk(server.url(path), "in_turn.lua", arguments, more)
    return under_load(stage, server, lambda _sent: load)


def getting_once(stage: Stage, server: Server, path: str, headers: str) -> Measure:
    """Measure GET with each header of the file once: a run goes on where the last one ended."""

    def load(sent: int) -> Wrk:
        return Wrk(server.url(path), "in_turn.lua", (headers, "header", str(sent), "once"))

    return under_load(stage, server, load)


def posting(stage: Stage, server: Server, path: str, bodies: Iterable[str]) -> Measure:
    """Measure POST of these bodies in turn."""
    load = posts(stage, server, path, bodies)
    return under_load(stage, server, lambda _sent: load)


def posts(stage: Stage, server: Server, path: str, bodies: Iterable[str], niceness: int = 0) -> Wrk:
    arguments = (stage.file_of(bodies), "body", "0", "again")
    return Wrk(server.url(path), "in_turn.lua", arguments, (JSON_BODY,), niceness)


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"
