"""The table of a snapshot: row by row what the packed arrays hold, with label, split and near-duplicates."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.data import labels
from components.data.replaced import Replacements, read_current
from components.data.shards import Index, read_shards
from components.data.splits import splits_of
from components.data.table import Table
from components.tasks.base import Targets, Task
from components.tasks.registry import USUAL, build_task
from pipelines.engine.artifact import Artifact

CLASSES = build_task(USUAL)


def write_masks(masks: Mapping[str, str], table: Table, folder: Path) -> Artifact:
    """The masks of the rows that have one, in order. masks: id -> mask."""
    rows = [row for row, id in enumerate(table.ids.tolist()) if id in masks]
    columns = {"row": pa.array(rows, pa.int64()), "mask": [masks[str(table.ids[row])] for row in rows]}
    pq.write_table(pa.table(columns), folder / "masks.parquet", compression="zstd")
    return Artifact.of(folder / "masks.parquet", folder)


def make_table(
    source: Path,
    index: Index,
    test_share: float,
    left_out: Collection[int] = (),
    group: NDArray[np.int64] | None = None,
    task: Task[Any] = CLASSES,
    style: str = "",
) -> tuple[Table, Targets, list[str]]:
    """Row by row what the packed array holds, in order of arrival; what the labels mean; and the names of the sources,
    sorted; no sources where no shard tells any.

    Args:
        left_out: positions, in order of arrival, of samples that files hold and that have no row. group: see Table;
            None: no sample has a near-duplicate. style: see Task.targets.
    """
    ids: list[str] = []
    shards: list[str] = []
    origins: list[str] = []
    together: list[str] = []
    past = Replacements(source, index)
    for shard, batch in read_current(source, index, ["id", "source", "group"]):
        ids += batch["id"]
        shards += [shard.digest] * len(batch["id"])
        origins += batch.get("source", [""] * len(batch["id"]))
        together += batch.get("group", [""] * len(batch["id"]))
    if left_out:
        kept = [k for k in range(len(ids)) if k not in left_out]
        ids, shards, origins, together = (
            [column[k] for k in kept] for column in (ids, shards, origins, together)
        )
    own = np.arange(len(ids))
    group = own if group is None else group
    settled = labels.settle(labels.read_labels(source, index))
    targets = task.targets(settled.labels, style)
    value = np.array([targets.value.get(id, np.nan) for id in ids]) if task.numeric else None
    label = [targets.label.get(id, -1) for id in ids]
    firsts = [past.origins.get(id, id) for id in ids]
    whole = united(group.tolist(), together)
    leads = _leads(whole, firsts, source, index) if past.rows else whole
    split = splits_of(firsts, test_share, _named(settled.named, past), leads)
    sources, of = np.unique(np.array(origins), return_inverse=True)
    table = Table(
        np.array(ids), np.array(shards, object), np.array(split), np.array(label, np.int64),
        of.astype(np.int64) if any(origins) else None,
        group if (group != own).any() else None,
        value,
    )  # fmt: skip
    return table, targets, sources.tolist() if any(origins) else []


def united(group: list[int], together: list[str]) -> list[int]:
    """Of each sample, the row of the first of those that must be in one split with it: near-duplicates, and samples of
    one name in `together` ("": of none), whatever links them.

    united([0, 1, 1, 3], ["a", "", "a", "b"]) = [0, 0, 0, 3].
    """
    parent = list(range(len(group)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first: dict[str, int] = {}
    for row, (near, name) in enumerate(zip(group, together, strict=True)):
        for other in (near, first.setdefault(name, row) if name else row):
            low, high = sorted((root(row), root(other)))
            parent[high] = low
    return [root(row) for row in range(len(group))]


def _leads(group: list[int], firsts: list[str], source: Path, index: Index) -> list[int]:
    """Of each sample, the row of that member of its group whose file came first, in whatever version."""
    came = {id: place for place, id in enumerate(_ids(source, index))}
    lead: dict[int, int] = {}
    for row, of in enumerate(group):
        lead[of] = min(lead.get(of, row), row, key=lambda row: came[firsts[row]])
    return [lead[of] for of in group]


def _ids(source: Path, index: Index) -> Iterator[str]:
    """Of all samples that ever came, in order."""
    for _, batch in read_shards(source, index, ["id"]):
        yield from batch["id"]


def _named(named: dict[str, str], past: Replacements) -> dict[str, str]:
    """The splits that people named, by the id of each file's first version."""
    origins: dict[str, str] = {}
    for id, split in named.items():
        origin = past.origins.get(id, id)
        if origins.get(origin) != "test":
            origins[origin] = split
    return origins
