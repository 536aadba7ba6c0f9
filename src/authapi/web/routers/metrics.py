"""The metrics that an operator's Prometheus reads. docs/operations.md lists them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from authapi.services.events.catalogue import EventType
from authapi.tally import Tally
from authapi.web.dependencies import AppRuntime
from authapi.web.runtime import Runtime

if TYPE_CHECKING:
    from prometheus_client import Metric

router = APIRouter(tags=["health"])

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(runtime: AppRuntime) -> Response:
    """Counts and gauges for Prometheus."""
    # Imported at the first scrape: prometheus_client is a sixtieth of a start, and few ask.
    from prometheus_client import generate_latest

    return Response(generate_latest(Metrics(runtime)), media_type=TEXT_FORMAT)


@dataclass(frozen=True)
class Metrics:
    """A prometheus_client collector. It reads each value at the scrape.

    Refusals, connections and hashes are counted where they happen. A `/verify` that is answered 204
    counts nothing.
    """

    runtime: Runtime

    def collect(self) -> Iterator["Metric"]:
        yield from self._revocation()
        yield from self._database()
        yield from self._refused()
        yield from self._hashing()
        yield from self._connections()
        yield from self._mails()

    def _revocation(self) -> Iterator["Metric"]:
        feed = self.runtime.revocations
        yield _gauge("revoked_sessions", "Sessions whose access tokens are refused.", len(feed))
        if feed.as_of is not None:
            staleness = max(0.0, feed.staleness())
            yield _gauge("revocation_staleness_seconds", "Age of the last poll.", staleness)
            yield _gauge("clock_skew_seconds", "This clock less the database's.", feed.skew)
        readers = feed.pages.changed.readers
        yield _gauge("revocation_waiters", "Requests that wait at GET /revocations.", readers)

    def _database(self) -> Iterator["Metric"]:
        counts = {
            "request": self.runtime.db.statements.count,
            "poll": self.runtime.poll.db.statements.count,
        }
        text = "Statements sent, by what for."
        yield _counters("database_statements", text, "purpose", counts.items())
        entries = self.runtime.lookups.cache.refused
        text = "Entries in Redis that authapi had not signed."
        yield _counter("redis_entries_refused", text, entries)

    def _refused(self) -> Iterator["Metric"]:
        refusals, limits = self.runtime.refusals.items(), _named(self.runtime.limits.refused)
        yield _counters("refusals", "Answers with an error.", "refusal", refusals)
        yield _counters("rate_limited", "Requests past a limit.", "limit", limits)
        replays = self.runtime.db.committed[EventType.REFRESH_TOKEN_REPLAYED]
        yield _counter("refresh_tokens_replayed", "Sessions that a replay ended.", replays)

    def _hashing(self) -> Iterator["Metric"]:
        pool = self.runtime.password_pool
        yield _gauge("hash_queue_length", "Passwords that wait for a thread.", pool.waiting)
        refused = pool.refused.items()
        yield _counters("hash_refused", "Passwords without a place.", "reason", refused)
        outcomes = self.runtime.passwords.breached.outcomes.items()
        text = "New passwords, by what the range service said."
        yield _counters("breached_password_checks", text, "outcome", outcomes)

    def _connections(self) -> Iterator["Metric"]:
        tally = self.runtime.connections
        opened, ended = tally["opened"], tally["ended"]
        yield _gauge("connections_open", "Connections to this process.", opened - ended)
        yield _counter("connections_opened", "Connections so far.", opened)
        yield _counter("connections_cut", "Too slow, or their place was needed.", tally["cut"])

    def _mails(self) -> Iterator["Metric"]:
        sender = self.runtime.mail_sender
        yield _gauge("mails_waiting", "Mails that are not sent yet.", sender.waiting)
        oldest = sender.oldest_seconds
        yield _gauge("mail_oldest_seconds", "Age of the one that waits longest.", oldest)


def _named(tally: Tally) -> list[tuple[str, int]]:
    """Return counts by the settings' names of limits: `login_pair` for AUTHAPI_LIMIT_LOGIN_PAIR."""
    return [(name.replace("-", "_"), count) for name, count in tally.items()]


def _gauge(name: str, text: str, value: float) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"authapi_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    return CounterMetricFamily(f"authapi_{name}", text, value=value)


def _counters(name: str, text: str, label: str, counts: Iterable[tuple[str, float]]) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"authapi_{name}", text, labels=[label])
    for value, count in counts:
        family.add_metric([value], count)
    return family
