"""A prometheus_client collector: the page of all families, with the numbers of every worker."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import accumulate
from math import isnan
from typing import TYPE_CHECKING

from authapi.tally import Counts
from authapi.web.metrics import families
from authapi.web.metrics.requests import BOUNDS
from authapi.web.metrics.workers import Workers
from authapi.web.runtime import Runtime

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily


class Page:
    """It reads each number at the scrape, so that a request pays for its own counts only."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._counters = families.counters(runtime)
        self._gauges = families.gauges(runtime)
        self.workers = Workers(families.all_counts(runtime), self._gauges)

    def collect(self) -> Iterator["Metric"]:
        numbers, lives = self.workers.numbers(), self.workers.gauges()
        yield from self._build_info()
        yield from self._of_gauges(lives)
        yield from self._of_counters(numbers)
        yield from self._of_requests(numbers[self._runtime.requests])
        waits = self._runtime.password_pool.waits
        text = "Time in the queue for a hash."
        yield from _histograms("hash_wait_seconds", text, "", waits.bounds, [("", numbers[waits])])

    def _build_info(self) -> Iterator["Metric"]:
        labels = {"version": version("authapi"), "python": platform.python_version()}
        labels["database"] = self._runtime.db.engine.dialect.name
        family = _gauge("build_info", "What runs.", list(labels))
        family.add_metric(list(labels.values()), 1)
        yield family

    def _of_gauges(self, lives: Sequence[Sequence[float]]) -> Iterator["Metric"]:
        found: dict[str, GaugeMetricFamily] = {}
        for gauge, values in zip(self._gauges, zip(*lives, strict=True), strict=True):
            known = [value for value in values if not isnan(value)]
            labels = [gauge.label] if gauge.label else []
            family = found.setdefault(gauge.name, _gauge(gauge.name, gauge.text, labels))
            if known:
                family.add_metric([gauge.label_value] if labels else [], gauge.join(known))
        yield from (family for family in found.values() if family.samples)

    def _of_counters(self, numbers: dict[Counts, list[float]]) -> Iterator["Metric"]:
        for counter in self._counters:
            labels = [counter.label] if counter.label else []
            family = _counter(counter.name, counter.text, labels)
            for name, number in zip(counter.tally.names, numbers[counter.tally], strict=True):
                if labels:
                    # A limit is called login_pair here, as its setting is.
                    family.add_metric([name.replace("-", "_")], number)
                elif name == counter.only:
                    family.add_metric([], number)
            yield family
        family = _counter("database_statements", "Statements sent, by pool.", ["purpose"])
        for purpose, db in families.pools(self._runtime):
            family.add_metric([purpose], numbers[db.statements.sent][0])
        yield family

    def _of_requests(self, numbers: list[float]) -> Iterator["Metric"]:
        requests = self._runtime.requests
        counted = _counter("requests", "Requests, by route and status.", ["route", "status"])
        for route, status, count in requests.by_status(numbers):
            counted.add_metric([route, status], count)
        yield counted
        text = "Time to answer, by route."
        yield from _histograms("request_seconds", text, "route", BOUNDS, requests.times(numbers))


def _gauge(name: str, text: str, labels: Sequence[str]) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"authapi_{name}", text, labels=labels)


def _counter(name: str, text: str, labels: Sequence[str]) -> "CounterMetricFamily":
    from prometheus_client.core import CounterMetricFamily

    return CounterMetricFamily(f"authapi_{name}", text, labels=labels)


def _histograms(
    name: str,
    text: str,
    label: str,
    bounds: Sequence[float],
    found: Iterable[tuple[str, Sequence[float]]],
) -> Iterator["Metric"]:
    """Yield a histogram. Each of `found` has a label's value, its buckets and its sum."""
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(f"authapi_{name}", text, labels=[label] if label else [])
    for value, numbers in found:
        below = accumulate(numbers[: len(bounds) + 1])  # each bucket has those below it, too
        buckets = list(zip((*map(str, bounds), "+Inf"), below, strict=True))
        family.add_metric([value] if label else [], buckets, numbers[-1])
    yield family
