"""The figures of a server for Prometheus: requests, latency, errors by code, versions, queue, shadow, canary, store."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
NAMES = 200  # codes that are counted by name; more are "other", whatever a body makes of them


Figures = dict[str, tuple[str, dict[tuple[str, ...], float]]]  # name -> help, values of labels -> value


class Gauges:
    """Figures that are looked up when they are asked for."""

    def __init__(self, values: Callable[[], Figures]) -> None:
        self.values = values

    def collect(self) -> Iterator[Metric]:
        for name, (text, found) in self.values().items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            labels = ["role", "version"] if any(len(key) == 2 for key in found) else ["kind"]
            family = kind(name, text, labels=labels if any(found) else [])
            for key, value in found.items():
                family.add_metric(list(key), value)
            yield family


class Metrics:
    """What is counted while requests are answered."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when each was first counted: of no use
        self.registry = registry = CollectorRegistry()
        who = ["role", "version"]
        self.requests = Counter(
            "selfsup_serve_requests", "requests by who answered", [*who, "status"], registry=registry
        )
        self.latency = Histogram(
            "selfsup_serve_latency_seconds",
            "from the first byte of a request to its answer",
            ["role"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.errors = Counter("selfsup_serve_errors", "refused requests by code", ["code"], registry=registry)
        self.rows = Counter("selfsup_serve_rows", "samples predicted", who, registry=registry)
        self.batches = Histogram(
            "selfsup_serve_batch_requests",
            "requests predicted together",
            buckets=SIZES,
            registry=registry,
        )
        self.shadowed = Counter(
            "selfsup_serve_shadow_rows",
            "rows that a shadow predicted too, by whether it says the same",
            ["version", "same"],
            registry=registry,
        )
        self.difference = Histogram(
            "selfsup_serve_shadow_difference",
            "largest difference of a request's rows that say the same, on a scale of 1",
            buckets=(1e-6, 1e-4, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0),
            registry=registry,
        )
        self.stored = Counter(
            "selfsup_serve_stored_samples", "samples stored or not", ["how"], registry=registry
        )
        self._codes: set[str] = set()

    def failed(self, code: str) -> None:
        """Count a refused request."""
        if code not in self._codes and len(self._codes) >= NAMES:
            code = "other"
        self._codes.add(code)
        self.errors.labels(code).inc()

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return bytes(generate_latest(self.registry))
