"""The figures of `selfsup status` for Prometheus, on loopback: python -m pipelines.operations.metrics.

A request is answered with figures that are FRESH seconds old at most: what takes time, such as a walk over an inbox,
is not done more often.
"""

import threading
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric

from pipelines.operations.figures import Status, status
from pipelines.settings import Settings

FRESH = 15.0


def metrics(found: Status) -> Iterator[Metric]:
    """Gauges: selfsup_..., by service, recipe, step of the backlog or disk."""
    up = GaugeMetricFamily("selfsup_service_up", "1 if a service runs and answers", labels=["service"])
    for name, service in found.services.items():
        up.add_metric([name], float(service.well))
    yield up
    samples = GaugeMetricFamily("selfsup_samples", "samples in the data folder", labels=["recipe"])
    failed = GaugeMetricFamily("selfsup_runs_failed", "runs that failed in the last day", labels=["recipe"])
    champion = GaugeMetricFamily("selfsup_champion_version", "version of the champion", labels=["recipe"])
    well = GaugeMetricFamily("selfsup_last_run_done", "1 if the last run ended well", labels=["recipe"])
    next_ = GaugeMetricFamily("selfsup_next_look_seconds", "unix time of the next look", labels=["recipe"])
    backlog = GaugeMetricFamily(
        "selfsup_backlog", "files or samples not yet so far", labels=["recipe", "step"]
    )
    for name, recipe in found.recipes.items():
        samples.add_metric([name], recipe.samples)
        failed.add_metric([name], recipe.failed)
        if recipe.champion is not None and recipe.champion.isdecimal():
            champion.add_metric([name], float(recipe.champion))
        if recipe.ended is not None:
            well.add_metric([name], float(recipe.ended == "done"))
        if recipe.next is not None:
            next_.add_metric([name], recipe.next)
        for step, count in recipe.backlog.model_dump().items():
            backlog.add_metric([name, step], count)
    yield from (samples, failed, champion, well, next_, backlog)
    free = GaugeMetricFamily("selfsup_disk_free_bytes", "room on a disk", labels=["place"])
    for disk in found.disks:
        free.add_metric([str(disk.place)], disk.free)
    yield free
    yield GaugeMetricFamily("selfsup_memory_used_bytes", "memory in use", value=found.memory)
    if (queue := found.queue) is not None:
        tasks = GaugeMetricFamily("selfsup_heavy_tasks", "tasks of the heavy pool", labels=["state"])
        for state, count in queue.model_dump().items():
            tasks.add_metric([state], count)
        yield tasks
    yield GaugeMetricFamily("selfsup_wrong", "things that selfsup status calls wrong", value=len(found.wrong))


class Figures:
    """A collector of Prometheus; several requests at once share one look."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self._lock = settings, threading.Lock()
        self._found: Status | None = None

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if self._found is None or not 0 <= time.time() - self._found.time < FRESH:
                self._found = status(self.settings)
            found = self._found
        yield from metrics(found)


def main() -> None:
    settings, registry = Settings.load(), CollectorRegistry()
    registry.register(Figures(settings))
    _, thread = start_http_server(settings.metrics_port, addr="127.0.0.1", registry=registry)
    thread.join()


if __name__ == "__main__":
    main()
