"""Every row, in the order of the issue that set the targets: THE list of what is measured."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.harness.outcome import Outcome
from benchmarks.harness.stage import Stage
from benchmarks.rows.claims import claims
from benchmarks.rows.first_seen import first_seen
from benchmarks.rows.flood import flood, flood_memory
from benchmarks.rows.login import login_cpu
from benchmarks.rows.me import me
from benchmarks.rows.refresh import refresh, refresh_cpu
from benchmarks.rows.revoked import revoked
from benchmarks.rows.session import session
from benchmarks.rows.sessions import sessions
from benchmarks.rows.start import memory, start
from benchmarks.rows.verify import verify


class Direction(StrEnum):
    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Row:
    """`what` is a ratio: of what to what."""

    name: str
    direction: Direction
    target: float
    measure: Callable[[Stage], Outcome]
    what: str

    def holds(self, outcome: Outcome) -> bool:
        median = outcome.ratio.median
        if self.direction is Direction.AT_LEAST:
            return median >= self.target
        return median <= self.target


LEAST, MOST = Direction.AT_LEAST, Direction.AT_MOST
ROWS = (
    Row("claims", LEAST, 0.85, claims, "claims-only route, req/s, of a bare FastAPI route"),
    Row("first-seen", LEAST, 1.2, first_seen, "the same, new tokens, req/s, of PyJWT's decode"),
    Row("verify", LEAST, 1.3, verify, "`/verify`, req/s, of a bare FastAPI route"),
    Row("me", LEAST, 2.0, me, "`GET /me`, req/s, of fastapi-users' with JWT"),
    Row("session", LEAST, 1.0, session, "transport `session`, req/s, of express-session"),
    Row("refresh", LEAST, 4.0, refresh, "`POST /refresh`, req/s, of simplejwt's"),
    Row("refresh-cpu", MOST, 1.25, refresh_cpu, "`POST /refresh`, CPU, of a bare route's"),
    Row("login-cpu", MOST, 1.08, login_cpu, "`POST /login`, CPU, of the argon2id hash alone"),
    Row("flood", MOST, 3.0, flood, "p99 of `/verify` while 16 clients log in, of its idle p99"),
    Row("flood-memory", MOST, 1.0, flood_memory, "growth by it, of concurrency x memory + 30 MiB"),
    Row("revoked", MOST, 1.05, revoked, "CPU of `/verify` with 100,000 revoked, of with none"),
    Row("sessions", LEAST, 0.9, sessions, "refreshes/s with 1,000,000 sessions, of with 1,000"),
    Row("start", MOST, 1.3, start, "start to the first answer, of fastapi-users'"),
    Row("memory", MOST, 1.1, memory, "resident memory idle, of fastapi-users'"),
)
