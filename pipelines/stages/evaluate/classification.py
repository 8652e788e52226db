"""Measure on the held-out test samples: the model, the labels alone, the baselines it must beat, the frozen
features, the clusters; and what else speaks for or against the model (pipelines.stages.evaluate.beyond_accuracy).

All models are read on the same samples, so that differences are paired. Everything that is tuned here (the
strength of a regression, the k of kNN) is tuned on the training labels alone.
Letters: M test samples, K classes, D features, n labels.
"""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt

from components.arrays import Doubles
from components.config import Config
from components.crash import point
from components.data.table import Table
from components.encoders.baseline import baseline_encoder
from components.evaluation.classification.calibration import softmax
from components.evaluation.classification.simple_models import on_plain_features, shown_by
from components.evaluation.representation.frozen import on_frozen
from components.forks import run_all
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.tasks.registry import USUAL, TaskConfig
from components.training.device import place
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference import predict
from pipelines.inference.encoder import pretrained
from pipelines.inference.samples import samples_of
from pipelines.pages.wording import left_out_of_margin
from pipelines.stages.evaluate import beyond_accuracy
from pipelines.stages.evaluate import clusters as groups
from pipelines.stages.evaluate.benefit import Benefit, measure_benefit
from pipelines.stages.evaluate.domain_mismatch import unlike, with_domain_mismatch
from pipelines.stages.evaluate.health import health_of, some
from pipelines.stages.evaluate.metrics import Measured, measured
from pipelines.stages.evaluate.protocols import Name, Protocols, cheap, follow
from pipelines.stages.evaluate.subject import Subject


class Request(Config):
    """What the stage evaluate is given."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    embed: str
    """Reference of the finished embed; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    finetune: str
    """Reference of the finished finetune; the run fills it in."""

    bootstrap: PositiveInt = 2000
    """Bootstrap resamples of the confidence intervals."""

    bins: int = Field(default=15, ge=2)
    """Bins of the expected calibration error."""

    false_alarms: float = Field(default=0.05, gt=0, lt=1)
    """Share of in-distribution samples above the threshold of the outlier score."""

    suspect_precision: float = Field(default=0.5, gt=0, lt=1)
    """Smallest estimated share of wrong labels among those reported as probably wrong; below it none is
    reported."""

    protocols: tuple[Name, ...] | None = None
    """Further evaluation protocols, by name; see pipelines/stages/evaluate/protocols.py. null: those that train nothing
    and suit the kind of data."""

    seed: NonNegativeInt = 0
    """Seed of resampling and of the protocols."""


class Output(Measured):
    """What measured gives (pipelines.stages.evaluate.metrics), and beside it:

    skipped: why there is no classifier to measure; clusters and health are there all the same.

    predictions: Parquet, a row a test sample in table order: id, label, class (names), confidence, p_0 ..
    p_{K-1}.
    benefit: whether the method is better than the labels alone, and warnings. unlike: share of the unlabelled samples
    that are unlike all labelled ones (pipelines.stages.evaluate.domain_mismatch).
    clusters: accuracy, purity, nmi, ari of the nearest clusters; named: share right by the clusters' classes.
    health: of the frozen features, without labels: std of the normalised ones, spread (std * sqrt D: 1
    healthy, 0 one point), effective_rank, effective_rank_fraction (of the largest there can be),
    centred_rank, uniformity (0 one point), dimensions.
    sets, suspects: None where nothing was cross-fitted; outliers: None where there are too few samples.
    """

    skipped: str | None = None
    samples: int = 0
    predictions: Artifact | None = None
    clusters: dict[str, float] = Field(default_factory=dict)
    health: dict[str, float] = Field(default_factory=dict)
    benefit: Benefit | None = None
    unlike: float | None = None
    sets: beyond_accuracy.SetFigures | None = None
    outliers: beyond_accuracy.OutlierFigures | None = None
    suspects: beyond_accuracy.Suspects | None = None
    saving: beyond_accuracy.SavingFigures | None = None
    protocols: Protocols = Protocols()


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    test, train, names = table.test_rows(), table.train_rows(), list(snapshot.classes)
    pool = np.asarray(features[some(train, request.seed)], dtype=np.float32)
    alive = health_of(features, train, request.seed)
    labels, pseudo = table.label[test].astype(np.int64), request.pseudo_label
    clusters = groups.clusters(pseudo, features[test], labels, names, context) if len(test) else {}
    outliers = groups.outliers(
        pseudo, features, test, table, context, rate=request.false_alarms, seed=request.seed
    )
    common: dict[str, Any] = {
        "samples": len(test),
        "clusters": clusters,
        "health": alive,
        "outliers": outliers,
    }
    context.progress(0.1, "clusters, health and outliers")
    found = context.output(request.finetune)
    reason = found.skipped or (None if len(test) else "no labelled test sample to measure on")
    if reason is not None:
        context.say(f"evaluation of classes skipped: {reason}")
        return Output(skipped=reason, **common)
    return Output(**common, **_of_classes(request, folder, table, features, pool, context))


def _of_classes(
    request: Request,
    folder: Path,
    table: Table,
    features: NDArray[np.float32],
    pool: NDArray[np.float32],
    context: Context,
) -> dict[str, Any]:
    """What there is to say where there is a classifier. features: [all, D]; pool: of some training samples."""
    snapshot, found = context.output(request.snapshot), context.output(request.finetune)
    test, train, names = table.test_rows(), table.train_rows(), list(snapshot.classes)
    labelled, labels = table.labelled_rows(), table.label[test].astype(np.int64)
    known = table.label[labelled].astype(np.int64)
    samples = samples_of(request.snapshot, snapshot, context)
    placement = place(context.settings.device)
    model = predict.load(context, request.finetune, found.model, found.config)
    own, asked = (np.asarray(features[rows], dtype=np.float32) for rows in (labelled, test))
    plain_encoder = baseline_encoder(samples.open(train), samples.views)
    seen, shown = (shown_by(plain_encoder, samples.open(rows), samples.views) for rows in (labelled, test))
    encoder = partial(pretrained, context, request.pretrain)
    asked_of = cheap(samples.packing.name) if request.protocols is None else request.protocols
    subject = Subject(
        table, len(names), features, samples, encoder, model, placement, request.seed, tuple(names)
    )

    def trained() -> dict[str, Doubles]:
        beside = predict.beside(context, request.finetune, found, samples, test, placement)
        return {"model": predict.logits(model, samples, test, placement), **beside}

    parts: list[Any] = run_all(
        [
            partial(on_plain_features, seen, known, shown, len(names), request.seed),
            trained,
            partial(on_frozen, own, known, asked, pool, len(names), request.seed),
            partial(follow, asked_of, subject, context.say),
        ],
        context.settings.cores if placement.device.type == "cpu" else 1,
        context.say,
    )
    (plain, regression), of_models, (frozen, probe), protocols = parts
    answered = of_models | frozen | plain
    context.progress(0.8, "the model, its baselines and the frozen features")
    saving = beyond_accuracy.saved(
        (probe, own, asked), (regression, seen.features, shown.features), known, labels, request.seed
    )
    context.progress(0.9, "both with fewer labels")
    judged = _judged(request, folder, table, features, model, answered, context)
    return {**judged, "saving": saving, "protocols": protocols}


def _judged(
    request: Request,
    folder: Path,
    table: Table,
    features: NDArray[np.float32],
    model: Any,
    answered: dict[str, Doubles],
    context: Context,
) -> dict[str, Any]:
    """The figures, what the method was worth, and what else the answers tell of model and labels. answered: logits of
    the test samples [M, K], by model."""
    names, found = list(context.output(request.snapshot).classes), context.output(request.finetune)
    test, labelled = table.test_rows(), table.labelled_rows()
    labels, how = table.label[test].astype(np.int64), {"resamples": request.bootstrap, "seed": request.seed}
    held = None if found.held is None else context.file(request.finetune, found.held)
    noise = beyond_accuracy.deviation(held, len(labelled))
    temperature = float(model.config.temperature)
    figures = measured(
        answered, labels, names, temperature, bins=request.bins, deviation=noise, made_of=found.made_of, **how
    )
    over, counts = figures.differences, np.array(figures.confusion)
    apart = _domain_mismatch(table, features, request.seed)
    verdict = measure_benefit(
        found.method, over, counts, found.confirmation, portfolio=found.portfolio, **how
    )
    judged = with_domain_mismatch(verdict, apart)
    _tell(figures, judged, found.made_of, context)
    point("evaluate.measured")
    p = softmax(answered["model"])
    rest: dict[str, Any] = {}
    if model.config.sets is not None:
        rest["sets"] = beyond_accuracy.sets(model.config.sets, p, labels, names)
    if held is not None:
        rest["suspects"] = beyond_accuracy.suspects(
            held, temperature, table.ids, names, request.suspect_precision
        )
    predictions = predict.predictions(folder, table.ids[test], labels, names, p)
    return {**dict(figures), "predictions": predictions, "benefit": judged, "unlike": apart, **rest}


def _domain_mismatch(table: Table, features: NDArray[np.float32], seed: int) -> float | None:
    """Share of the unlabelled training samples that are unlike the labelled ones, test samples being the measure."""
    test, train = table.test_rows(), table.train_rows()
    labelled, unlabelled = table.labelled_rows(), train[table.label[train] < 0]
    return unlike(features[labelled], features[some(test, seed)], features[some(unlabelled, seed)])


def _tell(found: Measured, judged: Benefit, served: Collection[str], context: Context) -> None:
    of, best = found.intervals, str(found.best_baseline)
    others = {f"baseline/{name}": figure.value for name, figure in of.items() if name != "model"}
    context.log(0, **found.metrics, **others)
    ours, margin = of["model"], found.differences[best]
    context.say(
        f"test accuracy {ours.value:.3f} ({ours.low:.3f} to {ours.high:.3f}), best baseline {best} "
        f"{of[best].value:.3f}, margin {margin.value:+.3f} ({margin.low:+.3f} to {margin.high:+.3f} over test samples "
        f"and training noise){left_out_of_margin(served, found.baselines)}"
    )
    context.say(judged.line)
    for warning in judged.warnings:
        context.say(f"warning {warning}")
    context.progress(1.0, "done")
