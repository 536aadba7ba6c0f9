"""The rivals' arms: filled, started and given credentials as benchmarks/rivals/arms.py says."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.harness.missing import NotMeasured, program
from benchmarks.harness.processes import (
    ROOT,
    BenchmarkError,
    Server,
    clean_environment,
    free_port,
    serving,
)
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import Wrk, bearer
from benchmarks.rivals.arms import EXPRESS, Arm
from benchmarks.seed import Seed

FILL_TIMEOUT = 60.0
USERS = 1000


@dataclass(frozen=True, slots=True)
class Rival:
    """An arm that runs, and the environment of its commands."""

    arm: Arm
    server: Server
    environment: Mapping[str, str]

    def credentials(self, count: int) -> list[dict[str, str]]:
        command = self.arm.credentials(count, self.server.port)
        assert command is not None, f"{self.arm.name} has no credentials of its own"
        return [json.loads(line) for line in _run(command, self.environment).splitlines()]

    def headers(self, count: int) -> list[str]:
        """One for each credential."""
        return [
            f"Cookie: {found['cookie']}" if "cookie" in found else bearer(found["access_token"])
            for found in self.credentials(count)
        ]

    def refresh_tokens(self, count: int) -> list[str]:
        return [found["refresh_token"] for found in self.credentials(count)]

    def me(self, stage: Stage, headers: list[str]) -> Wrk:
        """Its GET /me, or whatever it calls it, with these headers in turn."""
        assert self.arm.me is not None
        url = self.server.url(self.arm.me)
        return Wrk(url, "in_turn.lua", (stage.file_of(headers), "header", "0", "again"))


@contextmanager
def rival(
    stage: Stage, arm: Arm, *, users: int = USERS, environment: Mapping[str, str] | None = None
) -> Iterator[Rival]:
    """The server on the measured core, with so many users. Raises NotMeasured."""
    demands = prepared(stage, arm, users=users, environment=environment)
    port = free_port()
    core = stage.cores.server
    command = arm.start(port)
    with serving(arm.name, command, port, arm.ready, core=core, environment=demands) as server:
        yield Rival(arm, server, demands)


def prepared(
    stage: Stage, arm: Arm, *, users: int = USERS, environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of all its commands, after its database was filled. Raises NotMeasured."""
    _require(arm)
    demands = _environment(stage, arm) | dict(environment or {})
    if prepare := arm.prepare(users):
        _run(prepare, demands)
    return demands


def signed_by(seed: Seed) -> dict[str, str]:
    """What an arm needs that verifies our tokens."""
    settings = seed.settings
    return {
        "JWT_PUBLIC_KEY": seed.public_key(),
        "JWT_ISSUER": settings.public_url,
        "JWT_AUDIENCE": settings.audience,
    }


def _environment(stage: Stage, arm: Arm) -> dict[str, str]:
    found = dict(arm.environment)
    if "DATABASE_URL" in arm.needs:
        found["DATABASE_URL"] = stage.postgresql.database(migrated=False)
    if "REDIS_URL" in arm.needs:
        found["REDIS_URL"] = stage.redis_url()
    return found


def _require(arm: Arm) -> None:
    command = arm.server[0]
    if command == "node":
        program("node")
        if not (ROOT / EXPRESS / "node_modules" / "stamp").exists():
            program("npm")
            raise NotMeasured("express is missing: make bench installs it")
    elif shutil.which(ROOT / command) is None:
        raise NotMeasured(f"{command} is missing: make bench installs it")


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=ROOT,
        env=clean_environment() | dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FILL_TIMEOUT,
    )
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)} failed: {done.stderr[-800:]}")
    return done.stdout
