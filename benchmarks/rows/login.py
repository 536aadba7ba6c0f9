"""`POST /login`, whose cost should be the hash's and little more."""

import json
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from itertools import cycle
from time import monotonic

from benchmarks.harness.cores import on_core
from benchmarks.harness.outcome import Outcome, of_cpu
from benchmarks.harness.processes import ROOT, BenchmarkError, Server
from benchmarks.harness.rounds import Measure, Sample, alternate
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import Wrk
from benchmarks.ours import authapi, deployment
from benchmarks.seed import PASSWORD, email, seeding

USERS = 100
JSON = ("Content-Type: application/json",)


def login_cpu(stage: Stage) -> Outcome:
    """CPU a log-in, of the CPU of the same hash in a process of its own."""
    ours = deployment(stage.postgresql.database())
    with seeding(ours) as seed:
        seed.users(USERS)
    with authapi(stage, ours) as server:
        measured = {
            "login": _one_by_one(stage, server),
            "argon2id": hash_alone(stage),
        }
        samples = alternate(measured, stage.rounds, stage.seconds)
    return of_cpu(samples, "login", "argon2id")


def logins(stage: Stage, server: Server, connections: int, niceness: int = 0) -> Wrk:
    """Log-ins of USERS users in turn."""
    arguments = (stage.file_of(_bodies()), "body", "0", "again")
    url = server.url("/login")
    return Wrk(url, "in_turn.lua", arguments, connections, JSON, niceness)


def _one_by_one(stage: Stage, server: Server) -> Measure:
    """Not by wrk: what it leaves unanswered at its end has cost CPU, and here each is dear."""
    bodies = cycle(_bodies())

    def measure(seconds: int) -> Sample:
        count, began, before = 0, monotonic(), server.cpu_seconds()
        with on_core(stage.cores.load), closing(HTTPConnection("127.0.0.1", server.port)) as client:
            while monotonic() < began + seconds:
                client.request("POST", "/login", next(bodies), {"Content-Type": "application/json"})
                answer = client.getresponse()
                answer.read()
                if answer.status != 200:
                    raise BenchmarkError(f"a log-in was refused: {answer.status}")
                count += 1
        cpu = server.cpu_seconds() - before
        return Sample(count / (monotonic() - began), cpu / count)

    return measure


def _bodies() -> list[str]:
    return [json.dumps({"email": email(number), "password": PASSWORD}) for number in range(USERS)]


def hash_alone(stage: Stage, *parameters: int) -> Measure:
    """`parameters` are memory in KiB and passes; without them, the defaults."""

    def measure(seconds: int) -> Sample:
        words = [str(number) for number in (seconds, *parameters)]
        command = [sys.executable, "-m", "benchmarks.apps.hash_loop", *words]
        with on_core(stage.cores.server):
            done = subprocess.run(  # noqa: S603 - our own command
                command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 30, check=True
            )
        cpu = float(done.stdout)
        return Sample(1 / cpu, cpu)

    return measure
