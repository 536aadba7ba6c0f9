"""Our arms: `authapi serve` as a user starts it, and what its settings are while it is measured."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from authapi.config import Settings
from benchmarks.harness.postgresql import with_driver
from benchmarks.harness.processes import BenchmarkError, Server, free_port, serving
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import Wrk

AUTHAPI = Path(sys.executable).with_name("authapi")
SECRET = "a secret of the benchmarks that guards nothing at all"  # noqa: S105
LIMITS = ("login_pair", "login_account", "register", "refresh", "links")
NO_LIMITS = {f"limit_{name}": "" for name in LIMITS}
SCOPE = "reports:read"

# A cookie's /verify is asked by a proxy (docs/operations.md), or it would need a CSRF token.
BEHIND_A_PROXY: dict[str, object] = {"trusted_proxies": "127.0.0.1"}
PROXY_SAYS_GET = "X-Forwarded-Method: GET"

# What `authapi serve` gives uvicorn, for the application that a user writes.
UVICORN = "-m uvicorn --host 127.0.0.1 --loop uvloop --http httptools --log-level warning"
QUIET = "--no-access-log --no-server-header --no-proxy-headers"


@dataclass(frozen=True, slots=True)
class Ours:
    """A deployment of authapi: its database is filled before it is served, or meanwhile."""

    settings: Settings
    port: int
    database_url: str  # as libpq wants it


def deployment(database_url: str, **settings: object) -> Ours:
    """Everything default but the limits, which would end the measurement, and where it is."""
    port = free_port()
    where = {
        "database_url": with_driver(database_url),
        "secret": SECRET,
        "public_url": f"http://127.0.0.1:{port}",
        "log_format": "json",
    }
    values: dict[str, object] = where | NO_LIMITS | settings
    return Ours(Settings(_env_file=None, **values), port, database_url)  # type: ignore[arg-type]


@contextmanager
def authapi(stage: Stage, ours: Ours, *, core: int | None = None) -> Iterator[Server]:
    """`authapi serve`, by default on the measured core, its log thrown away."""
    with serving(
        "authapi",
        command_of(ours),
        ours.port,
        "/readyz",
        core=stage.cores.server if core is None else core,
        environment=environment_of(ours),
        folder=stage.folder,  # away from a developer's .env
    ) as server:
        yield server


def command_of(ours: Ours) -> list[str]:
    return [str(AUTHAPI), "serve", "--port", str(ours.port)]


def environment_of(ours: Ours) -> dict[str, str]:
    """What was set, as AUTHAPI_ variables; the rest stays default."""
    chosen = ours.settings.model_dump(include=ours.settings.model_fields_set, mode="json")
    given = chosen | {"secret": SECRET}
    return {f"AUTHAPI_{name.upper()}": _text(value) for name, value in given.items()}


@contextmanager
def claims_app(stage: Stage, ours: Ours) -> Iterator[Server]:
    """benchmarks/apps/claims.py on the measured core, its issuer beside the load."""
    port = free_port()
    command = [sys.executable, *UVICORN.split(), "--port", str(port), *QUIET.split()]
    command.append("benchmarks.apps.claims:app")
    issuer = {"ISSUER": ours.settings.public_url}
    core = stage.cores.server
    with (
        authapi(stage, ours, core=stage.cores.load),
        serving("claims", command, port, "/up", core=core, environment=issuer) as server,
    ):
        yield server


def get(stage: Stage, server: Server, path: str, headers: list[str], *more: str) -> Wrk:
    """GET with these headers in turn, and `more` with each."""
    arguments = (stage.file_of(headers), "header", "0", "again")
    return Wrk(server.url(path), "in_turn.lua", arguments, headers=more)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def metric(server: Server, name: str) -> float:
    """One reading of /metrics, by its name and labels as they are written there."""
    _, body = server.get("/metrics")
    for line in body.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[-1])
    raise BenchmarkError(f"/metrics has no {name}")
