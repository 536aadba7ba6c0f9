"""What Prometheus reads of a runtime, in its text format."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from authapi.web.runtime import Runtime

TEXT = "text/plain; version=0.0.4; charset=utf-8"


def readings(runtime: Runtime) -> bytes:
    """As they are now."""
    registry = CollectorRegistry()
    registry.register(_Readings(runtime))
    return generate_latest(registry)


class _Readings(Collector):
    """Read when they are asked for: nothing is counted on the way of a request but statements."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        feed = self._runtime.revocations
        yield _gauge("revoked_sessions", "Sessions whose access tokens are refused.", len(feed))
        if feed.as_of is not None:
            staleness, skew = max(0.0, feed.staleness()), feed.skew
            yield _gauge("revocation_staleness_seconds", "Age of the last poll.", staleness)
            yield _gauge("clock_skew_seconds", "This clock less the database's.", skew)
        statements = CounterMetricFamily(
            "authapi_database_statements", "Statements sent, by what for.", labels=["purpose"]
        )
        statements.add_metric(["request"], self._runtime.db.statements.count)
        statements.add_metric(["poll"], self._runtime.poll.db.statements.count)
        yield statements


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"authapi_{name}", text, value=value)
