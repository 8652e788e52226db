"""Predictions on the disk: a Parquet partition a shard, and those that an earlier run has made already."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.config import Config
from components.errors import UserError
from components.files import write_atomically
from components.registry.outlier_model import OutlierConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.code_digest import code_digest
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import read_manifest
from pipelines.inference.answers import Answers
from pipelines.inference.samples import packing_of


class Partition(Config):
    """file: Parquet of one shard's samples in the snapshot's order: id, name and delivery (as it arrived; null
    where the data were taken away), and the columns of the task (classification.py and others beside it), among them
    abstained, and is_outlier, which is null where the model does not know. outliers: how many are, None where the model
    does not know."""

    shard: str
    samples: int
    abstained: int
    outliers: int | None = None
    file: Artifact


class Reading(Protocol):
    """How a task's predictions become columns; see classification.py."""

    @property
    def outliers(self) -> OutlierConfig | None: ...
    def columns(self, found: Answers, /) -> dict[str, pa.Array]: ...
    def summary(self, answered: pa.Table, /) -> dict[str, Any]: ...


def outlier_columns(found: Answers, known: OutlierConfig | None) -> dict[str, pa.Array]:
    """outlier_score (distance from all that the model learnt from) and is_outlier (whether that is more than ordinary
    samples have); both null where the model does not know."""
    nothing = [None] * len(found["outliers"])
    far = nothing if known is None else found["outliers"] > known.limit
    return {
        "outlier_score": pa.array(found["outliers"] if known else nothing, pa.float32()),
        "is_outlier": pa.array(far, pa.bool_()),
    }


def write(
    file: Path,
    ids: NDArray[np.str_],
    answers: Answers,
    reading: Reading,
    arrived: Mapping[str, tuple[str, str]],
) -> None:
    """One partition, whole or not at all; the same answers give the same bytes. arrived: see
    pipelines.inference.arrivals."""
    columns = {
        "id": pa.array(ids.tolist(), pa.string()),
        "name": pa.array([arrived.get(id, (None, None))[0] for id in ids.tolist()], pa.string()),
        "delivery": pa.array([arrived.get(id, (None, None))[1] for id in ids.tolist()], pa.string()),
        **reading.columns(answers),
    }
    table = pa.table(columns)
    write_atomically(file, lambda out: pq.write_table(table, out, compression="zstd", store_schema=False))


def described(file: Path, shard: str, folder: Path) -> Partition:
    """A partition that lies in the run's folder."""
    told = pq.read_table(file, columns=["abstained", "is_outlier"])
    return Partition(
        shard=shard,
        samples=len(told),
        abstained=pc.sum(told["abstained"]).as_py() or 0,
        outliers=pc.sum(told["is_outlier"]).as_py(),
        file=Artifact.of(file, folder),
    )


def copied(
    request: Mapping[str, Any],
    digest: str,
    snapshot: Manifest,
    shards: Iterable[str],
    target: Path,
    context: Context,
) -> set[str]:
    """The shards whose partition is in `target` now, because an earlier run of score has made it: packed
    alike, with the same model, request (whichever shards it chose) and code.

    Args:
        request: as JSON values. digest: of the model. snapshot: what is scored.
    """
    wanted, found = set(shards), set[str]()
    for file in sorted((context.store / "score").glob("*/manifest.json")):
        earlier = Manifest.model_validate_json(file.read_bytes())
        asked = {**earlier.request, "snapshot": request["snapshot"], "days": request["days"]}
        same = earlier.output.get("digest") == digest and asked == request
        if (
            not same
            or earlier.code != code_digest("score", earlier.given)
            or not _same_packing(earlier, snapshot, context)
        ):
            continue
        for part in map(Partition.model_validate, earlier.output["partitions"]):
            if part.shard in wanted - found and _copy(f"score/{file.parent.name}", part, target, context):
                found.add(part.shard)
    return found


def _same_packing(earlier: Manifest, snapshot: Manifest, context: Context) -> bool:
    """Whether both snapshots were packed by the same code in the same way."""
    try:
        before = read_manifest(str(earlier.request["snapshot"]), context.store)
    except UserError:
        return False
    alike = packing_of(before.output).reads(packing_of(snapshot.output))
    return before.code == snapshot.code and alike


def _copy(reference: str, part: Partition, target: Path, context: Context) -> bool:
    try:
        source = context.file(reference, part.file)
    except UserError:  # it was changed or taken away: it is made anew
        return False
    data = source.read_bytes()
    write_atomically(target / f"{part.shard}.parquet", lambda out: out.write(data))
    return True
