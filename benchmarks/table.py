"""Every row, in the order of the issue that set the targets: THE list of what is measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.harness.rounds import Outcome
from benchmarks.harness.stage import Stage
from benchmarks.rows import attacks, login, purge, refresh, requests, start, timing, timing_states

LEAST, MOST = "at least", "at most"


@dataclass(frozen=True, slots=True)
class Row:
    """`measure` says in the first line of its docstring what is divided by what.

    A row of a group is measured only when it or its group is named.
    """

    name: str
    direction: str
    target: float
    measure: Callable[[Stage], Outcome]
    group: str = ""

    @property
    def what(self) -> str:
        return (self.measure.__doc__ or "").partition("\n")[0].rstrip(".")

    def holds(self, outcome: Outcome) -> bool:
        median = outcome.ratio.median
        return median >= self.target if self.direction == LEAST else median <= self.target


ROWS = (
    Row("claims", LEAST, 0.85, requests.claims),
    Row("claims-middleware", LEAST, 0.95, requests.claims_middleware),
    Row("first-seen", LEAST, 1.2, requests.first_seen),
    Row("verify", LEAST, 1.3, requests.verify),
    Row("me", LEAST, 2.0, requests.own_profile),
    Row("session", LEAST, 1.0, requests.session),
    Row("refresh", LEAST, 4.0, refresh.refresh),
    Row("refresh-cpu", MOST, 1.25, refresh.refresh_cpu),
    Row("login-cpu", MOST, 1.25, login.login_cpu),
    Row("flood", MOST, 3.0, login.flood),
    Row("flood-memory", MOST, 1.0, login.flood_memory),
    Row("revoked", MOST, 1.05, requests.revoked),
    Row("sight", MOST, 1.03, requests.sight),
    Row("sessions", LEAST, 0.9, refresh.sessions),
    Row("purge", LEAST, 0.9, purge.throughput),
    Row("purge-batch", MOST, 50.0, purge.batch),
    Row("start", MOST, 1.3, start.start),
    Row("memory", MOST, 1.3, start.memory),
    Row("timing-fresh", MOST, 0.55, timing.fresh, "timing"),
    Row("timing-raised", MOST, 0.55, timing.raised, "timing"),
    Row("timing-imported", MOST, 0.55, timing.imported, "timing"),
    Row("timing-login", MOST, 0.55, timing_states.login, "timing"),
    Row("timing-register", MOST, 0.55, timing_states.register, "timing"),
    Row("timing-registered", MOST, 0.55, timing_states.registered, "timing"),
    Row("timing-forgot", MOST, 0.55, timing_states.forgot, "timing"),
    Row("timing-after-forgot", MOST, 0.55, timing_states.after_forgot, "timing"),
    Row("timing-resend", MOST, 0.55, timing_states.resend, "timing"),
    Row("timing-change", MOST, 0.55, timing_states.change, "timing"),
    *(
        row
        for kind in attacks.KINDS
        for row in (
            Row(f"attack-{kind}", MOST, 3.0, attacks.latency_of(kind), "attacks"),
            Row(f"attack-{kind}-memory", MOST, 64.0, attacks.memory_of(kind), "attacks"),
        )
    ),
)


def chosen(names: Sequence[str]) -> list[Row]:
    """Return the rows that are named, or whose group is; without names all that have no group."""
    return [row for row in ROWS if ({row.name, row.group} & set(names) if names else not row.group)]
