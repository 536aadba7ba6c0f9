"""Our arms: `authapi serve` as a user starts it, and its settings while it is measured."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from authapi.config import Settings
from benchmarks.harness.postgresql import with_driver
from benchmarks.harness.processes import BenchmarkError, Program, Server, free_port, serving
from benchmarks.harness.stage import Stage

AUTHAPI = Path(sys.executable).with_name("authapi")
LIMITS = (
    *("login_address", "login_pair", "login_account", "login_success"),
    *("register", "refresh", "links"),
)
# All load comes from one address, which may hold an eighth of the queue.
NO_LIMITS = {f"limit_{name}": "" for name in LIMITS} | {"hash_queue": "256"}

# A proxy asks /verify with a cookie (docs/operations.md); others would need a CSRF token.
BEHIND_A_PROXY = {"trusted_proxies": "127.0.0.1"}
PROXY_SAYS_GET = "X-Forwarded-Method: GET"

# What `authapi serve` gives uvicorn, for an application of a user.
UVICORN = (
    "-m uvicorn --host 127.0.0.1 --loop uvloop --http httptools --log-level warning"
    " --no-access-log --no-server-header --no-proxy-headers --port"
)


@dataclass(frozen=True, slots=True)
class Ours:
    """A deployment of authapi. Its database is filled before it is served, or meanwhile."""

    values: dict[str, str]  # those of its settings that are not default
    port: int
    database_url: str  # as libpq wants it

    @property
    def settings(self) -> Settings:
        return Settings(_env_file=None, **self.values)  # type: ignore[arg-type]


def deployment(stage: Stage, **values: str) -> Ours:
    """Return a deployment of default settings, but for its address and for limits."""
    port, database_url = free_port(), stage.postgresql.database()
    address = {
        "database_url": with_driver(database_url),
        "secret": "a secret of the benchmarks that guards nothing at all",
        "public_url": f"http://127.0.0.1:{port}",
        "log_format": "json",
    }
    return Ours(address | NO_LIMITS | values, port, database_url)


def program(
    stage: Stage, ours: Ours, ready: str = "/readyz", more: Mapping[str, str] | None = None
) -> Program:
    environment = {f"AUTHAPI_{name.upper()}": value for name, value in ours.values.items()}
    words = [str(AUTHAPI), "serve", "--port", str(ours.port)]
    # In a folder without a developer's .env.
    return Program(words, ours.port, ready, environment | dict(more or {}), stage.folder)


def authapi(
    stage: Stage, ours: Ours, core: int | None = None, more: Mapping[str, str] | None = None
) -> Server:
    """Start `authapi serve`, on the measured core by default; it ends with the row.

    `more` are variables besides its settings.
    """
    core = stage.server_core if core is None else core
    return stage.start(serving(program(stage, ours, more=more), core))


def services(stage: Stage, ours: Ours, *names: str) -> dict[str, Server]:
    """Start the services benchmarks/apps/NAME.py; their issuer runs beside the load."""
    authapi(stage, ours, stage.load_core)
    return {name: _service(stage, ours, name) for name in names}


def _service(stage: Stage, ours: Ours, name: str) -> Server:
    port = free_port()
    words = [sys.executable, *UVICORN.split(), str(port), f"benchmarks.apps.{name}:app"]
    issuer = {"ISSUER": f"http://127.0.0.1:{ours.port}"}
    return stage.start(serving(Program(words, port, "/up", issuer), stage.server_core))


def metric(server: Server, name: str) -> float:
    """Return a reading of /metrics, by its name and labels as /metrics writes them."""
    _, body = server.get("/metrics")
    for line in body.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[-1])
    raise BenchmarkError(f"/metrics has no {name}")
