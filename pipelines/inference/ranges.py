"""Ranges of rows given out to workers: ranges travel, not samples.

Each worker is made once from `work` and opens what it reads and writes by itself; what it reports of a range
comes back. On this machine the workers are forked processes; on a cluster they are actors of Ray Data.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.cores import available
from components.forks import side_by_side
from components.training.cluster import instance
from pipelines.settings import Settings

Report = dict[str, Any]
Range = dict[str, int]


def cut(start: int, stop: int, size: int) -> list[Range]:
    """[start, stop) in ranges of `size`, the last one shorter."""
    return [{"start": at, "stop": min(at + size, stop)} for at in range(start, stop, size)]


def over_ranges(
    worker: Callable[[Mapping[str, Any]], Callable[[Range], Report]],
    ranges: list[Range],
    work: Mapping[str, Any],
    settings: Settings,
) -> Iterator[Report]:
    """What the workers report of each range, as they come.

    Args:
        worker: a module's class: worker(work) once, then worker(range) -> report.
    """
    if settings.workers or settings.ray != "local":
        yield from _on_a_cluster(worker, ranges, work, settings)
        return
    import torch  # 1 to 3 s, and then shared by all that are forked from here

    on_gpu = settings.device != "cpu" and torch.cuda.is_available()
    for _, report in side_by_side(ranges, lambda: worker(work), 1 if on_gpu else settings.cores):
        yield report


class _Actor:
    """A worker as Ray Data calls it: numpy columns of length 1 in and columns of length 1 out."""

    def __init__(self, worker: Callable[[Mapping[str, Any]], Callable[[Range], Report]], work: Any) -> None:
        self.worker = worker(work)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        report = self.worker({name: int(column[0]) for name, column in batch.items()})
        return {name: [value] for name, value in report.items()}


def _on_a_cluster(
    worker: Callable[[Mapping[str, Any]], Callable[[Range], Report]],
    ranges: list[Range],
    work: Mapping[str, Any],
    settings: Settings,
) -> Iterator[Report]:
    if not ranges:
        return
    with instance(settings.ray, settings.home, cpus=max(available(), settings.workers)) as ray:
        import ray.data as data

        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        gpu = ray.cluster_resources().get("GPU", 0) > 0 and settings.device != "cpu"
        mapped = data.from_items(ranges, override_num_blocks=len(ranges)).map_batches(
            _Actor,
            fn_constructor_kwargs={"worker": worker, "work": dict(work)},
            batch_size=1,
            batch_format="numpy",
            compute=data.ActorPoolStrategy(size=min(max(1, settings.workers), len(ranges))),
            num_cpus=0 if gpu else 1,
            num_gpus=1 if gpu else 0,
        )
        for batch in mapped.iter_batches(batch_size=1, batch_format="numpy", prefetch_batches=0):
            yield {name: column[0] for name, column in batch.items()}
