"""Ranges of rows handed to workers over Ray Data: ranges travel, not samples.

Each worker is made once from `work` and opens what it reads and writes by itself; what it reports of a range
comes back. The process that starts the workers need not import torch.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.training.cluster import instance
from pipelines.settings import Settings

Report = dict[str, Any]


def cut(start: int, stop: int, size: int) -> list[dict[str, int]]:
    """[start, stop) in ranges of `size`, the last one shorter."""
    return [{"start": at, "stop": min(at + size, stop)} for at in range(start, stop, size)]


def over_ranges(
    worker: type, ranges: list[dict[str, int]], work: Mapping[str, Any], settings: Settings
) -> Iterator[Report]:
    """What the workers report of each range, as they come; without a range no cluster is started.

    Args:
        worker: a module's class: worker(work) once, then worker(batch) a range, numpy columns of length 1 in and
            columns of length 1 out. `work` gets a key "threads": how many it may use.
    """
    if not ranges:
        return
    with instance(settings.ray, settings.home) as ray:
        import ray.data as data

        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        cpus = int(ray.cluster_resources().get("CPU", 1))
        gpu = ray.cluster_resources().get("GPU", 0) > 0 and settings.device != "cpu"
        actors = min(max(1, settings.workers), len(ranges))
        share = max(1, cpus // actors) if settings.workers == 0 or cpus >= actors else 1
        mapped = data.from_items(ranges, override_num_blocks=len(ranges)).map_batches(
            worker,
            fn_constructor_kwargs={"work": {**work, "threads": share}},
            batch_size=1,
            batch_format="numpy",
            compute=data.ActorPoolStrategy(size=actors),
            num_cpus=0 if gpu else share,
            num_gpus=1 if gpu else 0,
        )
        for batch in mapped.iter_batches(batch_size=1, batch_format="numpy", prefetch_batches=0):
            yield {name: column[0] for name, column in batch.items()}
