"""The metrics that an operator's Prometheus reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from authapi.web.dependencies import AppRuntime
from authapi.web.runtime import Runtime

if TYPE_CHECKING:
    from prometheus_client import Metric

router = APIRouter(tags=["health"])

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(runtime: AppRuntime) -> Response:
    # Imported at the first scrape: prometheus_client is a sixtieth of a start, and few ask.
    from prometheus_client import generate_latest

    return Response(generate_latest(Metrics(runtime)), media_type=TEXT_FORMAT)


@dataclass(frozen=True)
class Metrics:
    """A prometheus_client collector. It reads each value at the scrape; requests count nothing."""

    runtime: Runtime

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        def gauge(name: str, text: str, value: float) -> "Metric":
            return GaugeMetricFamily(f"authapi_{name}", text, value=value)

        feed = self.runtime.revocations
        yield gauge("revoked_sessions", "Sessions whose access tokens are refused.", len(feed))
        if feed.as_of is not None:
            staleness = max(0.0, feed.staleness())
            yield gauge("revocation_staleness_seconds", "Age of the last poll.", staleness)
            yield gauge("clock_skew_seconds", "This clock less the database's.", feed.skew)
        statements = CounterMetricFamily(
            "authapi_database_statements", "Statements sent, by what for.", labels=["purpose"]
        )
        statements.add_metric(["request"], self.runtime.db.statements.count)
        statements.add_metric(["poll"], self.runtime.poll.db.statements.count)
        yield statements
        yield CounterMetricFamily(
            "authapi_redis_entries_refused",
            "Entries in Redis that authapi had not signed.",
            value=self.runtime.lookups.cache.refused,
        )
