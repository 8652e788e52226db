"""Score: the champion's predictions of every sample of the snapshot, a Parquet partition a shard, over Ray Data.

A partition is named by its shard and bound to the model's digest: what an earlier run has scored with the same
files, request and code is copied, and a run that is repeated gives the same bytes. How predictions become columns is
the task's: the module in BY_TASK has a class Reading (partitions.py).
Letters: N samples.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from components.config import Config
from components.crash import point
from components.data.shards import Index
from components.data.table import Table
from components.errors import UserError
from components.implementations import Implementations, name_of
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.tasks.registry import USUAL, TaskConfig, build_task, task_name
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import key_of, read_manifest
from pipelines.inference.answers import RANGE, Answers, answer, answers
from pipelines.inference.arrivals import arrivals
from pipelines.inference.ranges import cut
from pipelines.inference.samples import samples_of
from pipelines.registry import champion as champions
from pipelines.settings import Settings
from pipelines.stages.score.partitions import Partition, Reading, copied, described, write

VERSION = 2

BY_TASK = Implementations[Reading](
    "pipelines.stages.score",
    "selfsup.score",
    {
        "classification": "classification:Reading",
        "regression": "regression:Reading",
        "anomaly": "anomaly:Reading",
        "segmentation": "segmentation:Reading",
        "ranking": "ranking:Reading",
    },
)


class Request(Config):
    """What the stage score is given."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    model: str
    """Name of the registered model; the run fills it in."""

    abstain_below: float | None = Field(default=None, gt=0, le=1)
    """Confidence below which a prediction is marked as not to be acted on; null: none is."""

    abstain_outliers: bool = False
    """Mark the predictions for outliers too."""

    days: PositiveFloat | None = None
    """Days before the newest shard from which samples are scored, by the time at which they were ingested; null:
    all are. Scores that an earlier run made of older samples stay where they are."""

    batch_size: PositiveInt = 512
    """Samples in each batch; another value may change the last bits of the predictions."""

    @model_validator(mode="after")
    def _confident(self) -> Self:
        task = build_task(self.task)
        if self.abstain_below is not None and not task.confidence:
            raise ValueError(
                f"abstain_below needs predictions with a confidence, and those of the task {name_of(self.task)} have "
                "none; leave it out"
            )
        return self


class Output(Config):
    """skipped: why nothing was scored. champion: version; digest: of its files; encoder: sha256 of the pretrained
    encoder that it began from, None where that run is gone. computed: by this run; the others were copied.
    outliers: samples unlike all that the model learnt from, None where it cannot tell; outlier_rate: share of ordinary
    samples that it calls so. classes, mix (class -> how often predicted), confidence (counts in equal bins of [0, 1]):
    of a classifier. figures: of the predictions of other tasks. seconds: of computing."""

    skipped: str | None = None
    champion: str | None = None
    digest: str | None = None
    encoder: str | None = None
    classes: list[str] = Field(default_factory=list)
    partitions: list[Partition] = Field(default_factory=list)
    samples: int = 0
    computed: int = 0
    abstained: int = 0
    outliers: int | None = None
    outlier_rate: float | None = None
    mix: dict[str, int] = Field(default_factory=dict)
    confidence: list[int] = Field(default_factory=list)
    figures: dict[str, float] = Field(default_factory=dict)
    seconds: float = 0.0


def observe(request: Request, settings: Settings, recipe: str) -> dict[str, str]:
    """The champion, and which shards are recent where only these are scored: others give a new reference."""
    shards = recent(request.days, settings.data / recipe)
    chosen = (
        {} if shards is None else {"shards": hashlib.sha256("".join(sorted(shards)).encode()).hexdigest()}
    )
    return champions.observe(request.model, settings) | chosen


def recent(days: float | None, data: Path) -> set[str] | None:
    """Digests of the shards that were written in the last days before the newest one; None: all are meant.

    data: the recipe's folder. A shard that was taken away, or brought back by a checkout, is as new as its file.
    """
    if days is None:
        return None
    files = {shard.digest: data / shard.file for shard in Index.load(data).shards}
    times = {digest: file.stat().st_mtime for digest, file in files.items() if file.is_file()}
    since = max(times.values(), default=0.0) - days * 86400.0
    return {digest for digest, time in times.items() if time >= since}


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises:
    UserError: no samples; the champion is gone, was moved meanwhile, takes other samples, or its files are
        missing or not those registered.
    """
    registry, found = champions.look(request.model, context)
    if found is None:
        context.say(f"nothing scored: {champions.NONE}")
        return Output(skipped=champions.NONE)
    snapshot = read_manifest(request.snapshot, context.store)
    table = Table.load(context.file(request.snapshot, Artifact.model_validate(snapshot.output["table"])))
    if not len(table):
        raise UserError(
            "no-samples", "there are no samples to score: the snapshot is empty; deliver some to the inbox"
        )
    sha256, described_as = champions.fetched(registry, found, snapshot, folder / "model")
    began = time.perf_counter()
    partitions = folder / "predictions"
    partitions.mkdir(exist_ok=True)
    shards = _chosen(table, request, context)
    known = copied(request.model_dump(mode="json"), found.digest, snapshot, shards, partitions, context)
    fresh = {shard: rows for shard, rows in shards.items() if shard not in known}
    kind: Any = BY_TASK[task_name(described_as)]
    reading: Reading = kind.of(folder / "model", request.abstain_below, request.abstain_outliers)
    for shard, given in _scored(fresh, request, snapshot, sha256, folder, context):
        write(
            partitions / f"{shard}.parquet",
            table.ids[shards[shard]],
            given,
            reading,
            arrivals(shard, context),
        )
        point("score.partition")
    made = [described(partitions / f"{shard}.parquet", shard, folder) for shard in shards]
    answered = pa.concat_tables([pq.read_table(folder / part.file.path) for part in made])
    output = Output(
        champion=found.version,
        digest=found.digest,
        encoder=champions.encoder(found, context.store),
        partitions=made,
        samples=sum(len(rows) for rows in shards.values()),
        computed=sum(len(rows) for rows in fresh.values()),
        abstained=sum(part.abstained for part in made),
        outliers=sum(part.outliers or 0 for part in made) if reading.outliers else None,
        outlier_rate=reading.outliers.rate if reading.outliers else None,
        seconds=round(time.perf_counter() - began, 3),
        **reading.summary(answered),
    )
    for scratch in ("parts", "model"):
        shutil.rmtree(folder / scratch, ignore_errors=True)
    place = context.store / "score" / key_of(folder) / partitions.name
    context.say(
        f"{counted(output.samples, 'sample')} scored by {found.name} version {found.version}, {output.computed} "
        f"of them now"
        f"{_describe(output, request)}; {place}"
    )
    return output


def _chosen(table: Table, request: Request, context: Context) -> dict[str, NDArray[np.int64]]:
    """Shard -> rows, of the shards that are scored.

    Raises:
        UserError: none of the recent ones is in the snapshot.
    """
    shards = table.by_shard()
    wanted = recent(request.days, context.settings.data / context.recipe)
    if wanted is None:
        return shards
    if not (found := {shard: rows for shard, rows in shards.items() if shard in wanted}):
        raise UserError(
            "no-samples",
            f"no sample of the snapshot was ingested in the last {request.days:g} days; raise score.days",
        )
    return found


def _describe(output: Output, request: Request) -> str:
    """How many samples are outliers, and how many predictions are none to act on."""
    said = ""
    if output.outliers is not None:
        said += f", {output.outliers} unlike all that it learnt from ({output.outlier_rate:.0%} of ordinary ones are)"
    if request.abstain_below or request.abstain_outliers:
        said += f", {output.abstained} to leave to a person"
    return said


def _scored(
    shards: dict[str, NDArray[np.int64]],
    request: Request,
    snapshot: Manifest,
    sha256: dict[str, str],
    folder: Path,
    context: Context,
) -> Iterator[tuple[str, Answers]]:
    """Shard -> its answers. No range crosses a shard: its answers depend on nothing beside it."""
    if not shards:
        return
    ranges, at = {}, 0
    for shard, rows in shards.items():
        ranges[shard] = cut(at, at + len(rows), request.batch_size * RANGE)
        at += len(rows)
    rows = np.concatenate(list(shards.values()))
    answer(
        rows,
        [part for parts in ranges.values() for part in parts],
        model=folder / "model",
        sha256=sha256,
        samples=samples_of(request.snapshot, snapshot.output, context),
        folder=folder / "parts",
        context=context,
        batch_size=request.batch_size,
    )
    for shard, parts in ranges.items():
        yield shard, answers(folder / "parts", rows, parts)
