"""The rivals' arms: started, filled and given credentials as benchmarks/rivals/arms.py says."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.harness.load import bearer, getting
from benchmarks.harness.processes import (
    ROOT,
    MissingProgramError,
    Program,
    Server,
    free_port,
    output_of,
    program_path,
    serving,
)
from benchmarks.harness.rounds import Measure
from benchmarks.harness.stage import Stage
from benchmarks.rivals.arms import DATABASE, EXPRESS, Arm

USERS = 1000


@dataclass(frozen=True, slots=True)
class Rival:
    """An arm that runs, and the credentials of its users."""

    arm: Arm
    server: Server
    credentials: list[dict[str, str]]

    @property
    def refresh_tokens(self) -> list[str]:
        return [found["refresh_token"] for found in self.credentials]


def rival(stage: Stage, arm: Arm, environment: Mapping[str, str] | None = None) -> Rival:
    """Start the server on the measured core, with USERS users. Raises MissingProgramError."""
    program = program_of(stage, arm, environment)
    server = stage.start(serving(program, stage.server_core))
    if not arm.fill:
        return Rival(arm, server, [])
    words = [*_with_port(arm.fill, program.port), str(USERS)]
    lines = output_of(words, core=stage.load_core, environment=program.environment).splitlines()
    return Rival(arm, server, [json.loads(line) for line in lines])


def program_of(stage: Stage, arm: Arm, environment: Mapping[str, str] | None = None) -> Program:
    """Return the server, with a database of its own. Raises MissingProgramError."""
    _require(arm.server[0])
    port = free_port()
    demands = dict(arm.environment) | dict(environment or {})
    if arm.needs:
        is_database = arm.needs == DATABASE
        url = stage.postgresql.database(migrated=False) if is_database else stage.redis_url()
        demands[arm.needs] = url
    return Program(_with_port(arm.server, port), port, arm.ready, demands)


def me(
    stage: Stage, arm: Arm, headers: list[str], environment: Mapping[str, str] | None = None
) -> Measure:
    """Measure its GET /me, or whatever it calls it; `headers` are for one without users."""
    other = rival(stage, arm, environment)
    theirs = [
        f"Cookie: {found['cookie']}" if "cookie" in found else bearer(found["access_token"])
        for found in other.credentials
    ]
    return getting(stage, other.server, arm.me, theirs or headers)


def _with_port(words: tuple[str, ...], port: int) -> list[str]:
    return [word.format(port=port) for word in words]


def _require(command: str) -> None:
    if command == "node":
        program_path("node")
        if (ROOT / EXPRESS / "node_modules" / "stamp").exists():
            return
        program_path("npm")
    elif shutil.which(ROOT / command):
        return
    raise MissingProgramError(f"{command} lacks its packages: make bench installs them")
