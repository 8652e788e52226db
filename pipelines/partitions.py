"""Predictions on the disk: a Parquet partition a shard, and those that an earlier run has made already."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.config import Config
from components.errors import UserError
from components.evaluation.conformal import Sets
from components.files import write_atomically
from pipelines.code import code_digest
from pipelines.store import Artifact, Context, Manifest, read_manifest


class Partition(Config):
    """file: Parquet of one shard's samples in the snapshot's order: id, class, confidence (the largest
    probability), probabilities [K] in the order of `classes`, abstained, set (the classes among which the true one
    is as often as the model promises, the likeliest first; null where it promises nothing)."""

    shard: str
    samples: int
    abstained: int
    file: Artifact


def write(
    file: Path,
    ids: NDArray[np.str_],
    probabilities: NDArray[np.float32],
    classes: list[str],
    abstain_below: float | None,
    sets: Sets | None = None,
) -> None:
    """One partition, whole or not at all; the same answers give the same bytes."""
    confidence = probabilities.max(axis=1)
    named = [None] * len(ids) if sets is None else _named(sets, probabilities, classes)
    columns = {
        "id": pa.array(ids.tolist(), pa.string()),
        "class": pa.array([classes[k] for k in probabilities.argmax(axis=1)], pa.string()),
        "confidence": pa.array(confidence, pa.float32()),
        "probabilities": pa.array(list(probabilities), pa.list_(pa.float32())),
        "abstained": pa.array(confidence < (abstain_below or 0.0), pa.bool_()),
        "set": pa.array(named, pa.list_(pa.string())),
    }
    table = pa.table(columns)
    write_atomically(file, lambda out: pq.write_table(table, out, compression="zstd", store_schema=False))


def sets_of(model: Path) -> Sets | None:
    """What the classifier in a folder promises of its sets, None where it was never cross-fitted."""
    kept = json.loads((model / "model.json").read_bytes()).get("sets")
    return None if kept is None else Sets.model_validate(kept)


def _named(sets: Sets, probabilities: NDArray[np.float32], classes: list[str]) -> list[list[str]]:
    inside = sets.of(probabilities.astype(np.float64))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    return [[classes[k] for k in row if held[k]] for row, held in zip(order, inside, strict=True)]


def described(file: Path, shard: str, folder: Path) -> Partition:
    """A partition that lies in the run's folder."""
    abstained = pq.read_table(file, columns=["abstained"])["abstained"].to_numpy()
    return Partition(
        shard=shard, samples=len(abstained), abstained=int(abstained.sum()), file=Artifact.of(file, folder)
    )


def copied(
    request: Mapping[str, Any],
    digest: str,
    snapshot: Manifest,
    shards: Iterable[str],
    target: Path,
    context: Context,
) -> set[str]:
    """The shards whose partition is in `target` now, because an earlier run of score has made it: of the same pixels,
    with the same model, request and code.

    Args:
        request: as JSON values. digest: of the model. snapshot: what is scored.
    """
    wanted, found = set(shards), set[str]()
    for file in sorted((context.store / "score").glob("*/manifest.json")):
        earlier = Manifest.model_validate_json(file.read_bytes())
        asked = {**earlier.request, "snapshot": request["snapshot"]}
        same = earlier.output.get("digest") == digest and asked == request
        if not same or earlier.code != code_digest("score") or not _same_pixels(earlier, snapshot, context):
            continue
        for part in map(Partition.model_validate, earlier.output["partitions"]):
            if part.shard in wanted - found and _copy(f"score/{file.parent.name}", part, target, context):
                found.add(part.shard)
    return found


def _same_pixels(earlier: Manifest, snapshot: Manifest, context: Context) -> bool:
    """Whether both snapshots were packed by the same code in the same way."""
    try:
        before = read_manifest(str(earlier.request["snapshot"]), context.store)
    except UserError:
        return False
    return (before.code, before.request["modality"]) == (snapshot.code, snapshot.request["modality"])


def _copy(reference: str, part: Partition, target: Path, context: Context) -> bool:
    try:
        source = context.file(reference, part.file)
    except UserError:  # it was changed or taken away: it is made anew
        return False
    data = source.read_bytes()
    write_atomically(target / f"{part.shard}.parquet", lambda out: out.write(data))
    return True
