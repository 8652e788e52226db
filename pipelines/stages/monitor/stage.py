"""Monitor: are new deliveries still like what the champion was trained on, and are its pseudo-labels still sound?

The champion looks at samples of the last deliveries and at old ones: its features are compared by maximum mean
discrepancy, its predictions as suits the task: the module in BY_TASK has a class Watch (drift.py).
"""

import shutil
from pathlib import Path

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

from components.config import Config
from components.crash import point
from components.data.shards import Index
from components.data.table import Table
from components.errors import UserError
from components.implementations import Implementations
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.monitoring.drift import drifted, error_rate
from components.registry.champion import Champion
from components.tasks.registry import USUAL, TaskConfig, task_name
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import is_finished, key_of, read_manifest
from pipelines.inference.answers import RANGE, answer, answers
from pipelines.inference.ranges import cut
from pipelines.inference.samples import samples_of
from pipelines.registry import champion as champions
from pipelines.registry.pseudo_label_history import Health, pseudo_label_health
from pipelines.settings import Settings
from pipelines.stages.monitor.drift import Delivery, Watch, Words, compare, dealt, split

VERSION = 1

BY_TASK = Implementations[Watch](
    "pipelines.stages.monitor",
    "selfsup.monitor",
    {
        "classification": "classification:Watch",
        "regression": "regression:Watch",
        "anomaly": "anomaly:Watch",
        "segmentation": "segmentation:Watch",
        "ranking": "ranking:Watch",
    },
)


class Request(Config):
    """What the stage monitor is given."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    model: str
    """Name of the registered model; the run fills it in."""

    windows: PositiveInt = 5
    """Number of the last deliveries that are compared with old samples."""

    needed: PositiveInt = 2
    """Number of these deliveries, the newest among them, that must differ from old samples before drift is
    reported."""

    level: float = Field(default=0.01, gt=0, lt=1)
    """Significance level at which a delivery differs."""

    samples: PositiveInt = 2000
    """Samples compared in all on each side, old and new."""

    batch_size: PositiveInt = 256
    """Samples in each batch."""

    seed: NonNegativeInt = 0
    """Seed of the choice of samples."""


class Output(Config):
    """skipped: why nothing was looked at. champion: version; digest: of its files, to which all figures are bound;
    encoder: see score. deliveries: those since the champion was trained, oldest first. error_rate: chance that
    `drifted` is so without drift. mix, level, histogram: of the old samples, see Delivery; mix by class or range.
    words: what these are called. health: of the pseudo-labels behind the champion, oldest first. page: HTML."""

    skipped: str | None = None
    champion: str | None = None
    digest: str | None = None
    encoder: str | None = None
    drifted: bool = False
    error_rate: float = 0.0
    deliveries: list[Delivery] = Field(default_factory=list)
    mix: dict[str, int] = Field(default_factory=dict)
    level: float | None = None
    histogram: list[int] = Field(default_factory=list)
    words: Words = Words(mix="classes", level="confidence")
    health: list[Health] = Field(default_factory=list)
    page: Artifact | None = None


def observe(request: Request, settings: Settings) -> dict[str, str]:
    """The champion: a new one gives a new reference."""
    return champions.observe(request.model, settings)


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises:
    UserError: the champion is gone, was moved meanwhile, takes other samples, its files are missing or not those
        registered, or the store has lost what it was trained on.
    """
    registry, found = champions.look(request.model, context)
    if found is None:
        context.say(f"nothing to watch: {champions.NONE}")
        return Output(skipped=champions.NONE)
    snapshot = read_manifest(request.snapshot, context.store)
    sha256, described = champions.fetched(registry, found, snapshot, folder / "model")
    now = Table.load(context.file(request.snapshot, Artifact.model_validate(snapshot.output["table"])))
    old, parts = split(
        now, _trained(found, context), _deliveries(context),
        windows=request.windows, samples=request.samples, seed=request.seed,
    )  # fmt: skip
    names, sides = [name for name, _ in parts], [old, *(rows for _, rows in parts)]
    rows = np.concatenate(sides)
    ranges = cut(0, len(rows), request.batch_size * RANGE)
    answer(
        rows, ranges, model=folder / "model", sha256=sha256, folder=folder / "parts", context=context,
        samples=samples_of(request.snapshot, snapshot.output, context),
        batch_size=request.batch_size,
    )  # fmt: skip
    cuts = np.cumsum([len(side) for side in sides])[:-1]
    seen, kind = answers(folder / "parts", rows, ranges), BY_TASK[task_name(described)]
    predicted = seen[kind.predicted]  # type: ignore[attr-defined]  # of the class
    p, features = (np.split(both, cuts) for both in (predicted, seen["features"]))
    watch = kind(described, p[0])
    shares = dealt(features[0], p[0], len(names), request.seed)
    watched = [
        compare(name, features[k], p[k], *share, watch, seed=request.seed + k)
        for k, (name, share) in enumerate(zip(names, shares, strict=True), start=1)
    ]
    output = Output(
        champion=found.version,
        digest=found.digest,
        encoder=champions.encoder(found, context.store),
        drifted=drifted([d.p for d in watched], request.level, request.needed, request.windows),
        error_rate=error_rate(request.level, request.needed, request.windows),
        deliveries=watched,
        mix=dict(zip(watch.names, watch.counts(p[0]), strict=True)),
        level=watch.level(p[0]),
        histogram=watch.histogram(p[0]),
        words=watch.words,
        health=pseudo_label_health(found.tags.get("selfsup.pseudo_label"), context),
    )
    for scratch in ("parts", "model"):
        shutil.rmtree(folder / scratch, ignore_errors=True)
    return _outcome(output, (request.level, request.needed, request.windows), folder, context)


def _trained(found: Champion, context: Context) -> Table:
    """The samples that the champion was trained on."""
    finetune = found.tags.get("selfsup.finetune", "none")
    snapshot = str(read_manifest(finetune, context.store).given["snapshot"]) if is_finished(
        finetune, context.store) else finetune  # fmt: skip
    if not is_finished(snapshot, context.store):
        raise UserError(
            "run-gone",
            f"the store has lost {snapshot}, which says what {found.name} version {found.version} was trained on; "
            "bring it back from a backup, or train a new model",
        )
    table = read_manifest(snapshot, context.store).output["table"]
    return Table.load(context.file(snapshot, Artifact.model_validate(table)))


def _deliveries(context: Context) -> dict[str, str]:
    index = Index.load(context.settings.data / context.recipe)
    return {shard.digest: shard.delivery for shard in index.shards}


def _outcome(output: Output, rule: tuple[float, int, int], folder: Path, context: Context) -> Output:
    """Step metrics, the page, and a line for a person."""
    from pipelines.pages import monitoring

    for step, delivery in enumerate(output.deliveries):
        context.log(step, **{
            "drift/mmd": delivery.statistic, "drift/p": delivery.p, "mix/psi": delivery.psi,
            "mix/p": delivery.mix_p, f"{output.words.level}/mean": delivery.level,
        })  # fmt: skip
    for step, health in enumerate(output.health):
        context.log(step, **health.figures())
    page = folder / "monitor.html"
    page.write_text(monitoring.page(context.recipe, output.model_dump(), rule), encoding="utf-8")
    point("monitor.written")
    place = context.store / "monitor" / key_of(folder) / page.name
    context.say(f"{monitoring.sentence(output.model_dump(), rule)}; {place}")
    return output.model_copy(update={"page": Artifact.of(page, folder)})
