"""What the operator's monitoring reads: counts and times of requests, and what the house says of itself.

Labels are bounded: a route's template, a known method, a class of status, a verdict. It knows no customer, key, person,
address or path, and keeps nothing of an ask. Source: the Prometheus text exposition format 0.0.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from countenance.service.witnesses import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from countenance.service.app import House

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the histogram's steps."""
ANSWERS = ("allow", "deny")


class Metrics:
    """One registry of its own, so that two servers in one process do not mix. Thread-safe."""

    def __init__(self, house: House | None = None) -> None:
        """house: whose counts are shown too."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "countenance_requests", "Requests answered.", ("route", "method", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "countenance_request_seconds", "From the first byte of a request to the last of its answer.",
            ("route", "method"), buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._in_flight = Gauge("countenance_requests_in_flight", "Requests under way.", registry=self._registry)
        if house is not None:
            self._registry.register(_OfHouse(house))

    def begin(self) -> None:
        """A request came."""
        self._in_flight.inc()

    def end(self, route: str, method: str, status: int, seconds: float) -> None:
        """It was answered. route: a template of ours or "none"; method: a known one or "other"."""
        self._in_flight.dec()
        self._requests.labels(route, method, f"{status // 100}xx").inc()
        self._seconds.labels(route, method).observe(seconds)

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self._registry)


class _OfHouse(Collector):
    """Reads the house when it is asked."""

    def __init__(self, house: House) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        decisions = CounterMetricFamily("countenance_decisions", "Decisions in the log since start.", labels=["answer"])
        counts = self._house.gate.decided.counts()
        for answer in ANSWERS:
            decisions.add_metric([answer], counts.get(answer, 0))
        yield decisions
        yield CounterMetricFamily(
            "countenance_engine_overloads", "Photographs turned away.", value=self._house.engine.overloads
        )
        yield GaugeMetricFamily("countenance_leaves", "Durable leaves of the log.", value=self._house.log.size)
        yield from self._of_witnesses()
        yield GaugeMetricFamily(
            "countenance_stopped", "Whether an emergency stop is on.", value=int(self._house.in_force.held.stopped)
        )
        yield GaugeMetricFamily(
            "countenance_references", "References in memory, of all collections.", value=len(self._house.index)
        )
        yield GaugeMetricFamily(
            "countenance_checkpoint_overdue_seconds", "Age of the oldest leaf that is not published.",
            value=self._house.log.overdue,
        )  # fmt: skip

    def _of_witnesses(self) -> Iterator[Metric]:
        """Labels: the names in the settings, at most 16, and what asking can come to."""
        asked = CounterMetricFamily(
            "countenance_witness_asks", "What asking a witness came to.", labels=["witness", "outcome"]
        )
        counts = self._house.witnesses.counts()
        for name in self._house.witnesses.names:
            for outcome in OUTCOMES:
                asked.add_metric([name, outcome], counts.get((name, outcome), 0))
        yield asked
        witnessed = self._house.witnesses.witnessed
        yield GaugeMetricFamily(
            "countenance_witnessed_leaves", "Leaves under the newest checkpoint that enough witnesses cosigned.",
            value=witnessed.head.size if witnessed else 0,
        )  # fmt: skip
