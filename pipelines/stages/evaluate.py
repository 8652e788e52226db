"""Measure on the held-out test samples: the model, the baselines it must beat, the frozen features, the
clusters; and what else speaks for or against the model (pipelines.evidence).

All models are read on the same samples, so that differences are paired. Everything that is tuned here (the
strength of a regression, the k of kNN) is tuned on the training labels alone.
Letters: M test samples, K classes, D features, n labels.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt

from components.config import Config
from components.crash import point
from components.data.table import Table
from components.evaluation import figures, metrics
from components.evaluation.baselines import on_pixels, pixels
from components.evaluation.calibration import softmax
from components.evaluation.clusters import agreement, nearest
from components.evaluation.diagnostics import health
from components.evaluation.figures import ClassRow, CurveBin, Figure
from components.evaluation.frozen import on_frozen
from components.registry.model import Classifier, load_classifier
from components.training.device import Placement, place
from pipelines import evidence
from pipelines.store import Artifact, Context

VERSION = 1

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
POOL = 4096  # rows that health and standardisation are taken from
BASELINES = ("scratch", "logistic_pixels", "knn_pixels")  # the rest looks at our features


class Request(Config):
    """bootstrap: resamples. bins: of the calibration error. false_alarms: share of ordinary samples that may be
    taken for outliers."""

    snapshot: str
    pretrain: str
    embed: str
    pseudo_label: str
    finetune: str
    bootstrap: PositiveInt = 2000
    bins: int = Field(default=15, ge=2)
    false_alarms: float = Field(default=0.05, gt=0, lt=1)
    seed: NonNegativeInt = 0


class Output(Config):
    """skipped: why there is no classifier to measure; clusters and health are there all the same.

    predictions: Parquet, a row a test sample in table order: id, label, class (names), confidence, p_0 ..
    p_{K-1}.
    metrics: accuracy, macro_f1 (each with _low, _high), margin over the best baseline (with _low, _high,
    paired), ece and log_loss (each with _before: as they were without the temperature), temperature.
    baselines: accuracy of scratch, logistic_pixels, knn_pixels; frozen: of knn and probe on the frozen
    features.
    intervals: of the accuracy of the model and all of these; differences: of the model less each of them,
    paired.
    confusion: [K][K], row = truth. reliability: of the confidences after the temperature; reliability_before:
    without.
    clusters: accuracy, purity, nmi, ari of the nearest clusters; named: share right by the clusters' classes.
    health: of the frozen features, without labels: std of the normalised ones, spread (std * sqrt D: 1
    healthy, 0 one point), effective_rank, effective_rank_fraction (of the largest there can be),
    centred_rank, uniformity (0 one point), dimensions.
    sets, suspects: None where nothing was cross-fitted; outliers: None where there are too few samples.
    """

    skipped: str | None = None
    samples: int = 0
    predictions: Artifact | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    best_baseline: str | None = None
    baselines: dict[str, float] = Field(default_factory=dict)
    frozen: dict[str, float] = Field(default_factory=dict)
    intervals: dict[str, Figure] = Field(default_factory=dict)
    differences: dict[str, Figure] = Field(default_factory=dict)
    per_class: dict[str, ClassRow] = Field(default_factory=dict)
    confusion: list[list[int]] = Field(default_factory=list)
    reliability: list[CurveBin] = Field(default_factory=list)
    reliability_before: list[CurveBin] = Field(default_factory=list)
    clusters: dict[str, float] = Field(default_factory=dict)
    health: dict[str, float] = Field(default_factory=dict)
    sets: evidence.SetFigures | None = None
    outliers: evidence.OutlierFigures | None = None
    suspects: evidence.Suspects | None = None
    saving: evidence.SavingFigures | None = None


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    test, train, names = table.test_rows(), table.train_rows(), list(snapshot.classes)
    pool = np.asarray(features[_some(train, request.seed)], dtype=np.float32)
    alive = health(torch.from_numpy(pool)) if len(train) > 1 else {}
    clusters = _clusters(request, features[test], table.label[test], names, context) if len(test) else {}
    outliers = _outliers(request, features, test, table, context)
    context.progress(0.1, "clusters, health and outliers")
    found = context.output(request.finetune)
    reason = found.skipped or (None if len(test) else "no labelled test sample to measure on")
    if reason is not None:
        context.say(f"evaluation of classes skipped: {reason}")
        return Output(skipped=reason, samples=len(test), clusters=clusters, health=alive, outliers=outliers)

    labels, labelled = table.label[test].astype(np.int64), table.labelled_rows()
    known = table.label[labelled].astype(np.int64)
    images = np.load(context.file(request.snapshot, snapshot.images), mmap_mode="r")
    placement = place(context.settings.device)
    model = _load(context, request.finetune, found.model, found.config)
    answers = {"model": _logits(model, images, test, placement)}
    context.progress(0.3, "model")
    own, asked = (np.asarray(features[rows], dtype=np.float32) for rows in (labelled, test))
    frozen, probe = on_frozen(own, known, asked, pool, len(names), request.seed)
    context.progress(0.5, "linear probe and kNN on frozen features")
    seen, shown = pixels(images[labelled]), pixels(images[test])
    plain, regression = on_pixels(seen, known, shown, len(names), request.seed)
    answers |= frozen | plain
    saving = evidence.saved((probe, own, asked), (regression, seen, shown), known, labels, request.seed)
    context.progress(0.8, "regression on pixels, and both with fewer labels")
    if found.scratch is not None:
        scratch = _load(context, request.finetune, found.scratch, found.scratch_config)
        answers["scratch"] = _logits(scratch, images, test, placement)
    context.progress(0.9, "baselines")
    measured = _measured(request, answers, labels, names, float(model.config.temperature))
    _tell(measured, context)
    point("evaluate.measured")
    predictions = _predictions(folder, table.ids[test], labels, names, softmax(answers["model"]))
    rest = {"samples": len(test), "predictions": predictions, "clusters": clusters, "health": alive}
    rest |= {"outliers": outliers, "saving": saving}
    if model.config.sets is not None:
        p, how = softmax(answers["model"]), (request.bootstrap, request.seed)
        rest["sets"] = evidence.sets(model.config.sets, p, labels, names, *how)
    if found.held is not None:
        held = context.file(request.finetune, found.held)
        rest["suspects"] = evidence.suspects(held, model.config.temperature, table.ids, names)
    return measured.model_copy(update=rest)


def _measured(
    request: Request, answers: Mapping[str, Doubles], labels: Ints, names: list[str], temperature: float
) -> Output:
    """Every figure of the answers [M, K], which are logits or probabilities by name, against labels [M]."""
    how = {"resamples": request.bootstrap, "seed": request.seed}
    of, over = figures.accuracies(answers, labels, **how)
    best = max((name for name in BASELINES if name in of), key=lambda name: of[name].value)
    logits, before = answers["model"], answers["model"] * temperature
    counts = metrics.confusion(labels, logits.argmax(axis=1), len(names))
    return Output(
        metrics={
            **figures.named("accuracy", of["model"]),
            **figures.named("macro_f1", figures.macro_f1(counts, **how)),
            **figures.named("margin", over[best]),
            **figures.calibration(logits, labels, request.bins),
            **figures.calibration(before, labels, request.bins, "_before"),
            "temperature": temperature,
        },
        best_baseline=best,
        baselines={name: of[name].value for name in BASELINES if name in of},
        frozen={name: of[name].value for name in ("knn", "probe")},
        intervals=of,
        differences=over,
        per_class=figures.class_rows(counts, names),
        confusion=[[int(n) for n in row] for row in counts],
        reliability=figures.curve(logits, labels, request.bins),
        reliability_before=figures.curve(before, labels, request.bins),
    )


def _tell(measured: Output, context: Context) -> None:
    of, best = measured.intervals, str(measured.best_baseline)
    others = {f"baseline/{name}": figure.value for name, figure in of.items() if name != "model"}
    context.log(0, **measured.metrics, **others)
    ours, margin = of["model"], measured.differences[best]
    context.say(
        f"test accuracy {ours.value:.3f} ({ours.low:.3f} to {ours.high:.3f}), best baseline {best} "
        f"{of[best].value:.3f}, margin {margin.value:+.3f} ({margin.low:+.3f} to {margin.high:+.3f})"
    )
    context.progress(1.0, "done")


def _some(rows: Ints, seed: int) -> Ints:
    """At most POOL of the rows, in order."""
    chosen = np.random.default_rng(seed).choice(rows, min(POOL, len(rows)), replace=False)
    return np.sort(chosen).astype(np.int64)


def _clusters(
    request: Request, features: NDArray[np.float32], labels: Ints, classes: list[str], context: Context
) -> dict[str, float]:
    """Agreement of the clusters nearest to the test samples' features [M, D] with their labels [M]."""
    pseudo = context.output(request.pseudo_label)
    centroids = np.load(context.file(request.pseudo_label, pseudo.centroids))
    centre = np.load(context.file(request.pseudo_label, pseudo.centre))
    row = nearest(features, centroids, centre=centre)
    found = agreement(row, labels)
    if pseudo.named:
        by_id = [pseudo.cluster_class[str(name)] for name in pseudo.cluster_ids]
        given = np.array([classes.index(name) if name is not None else -1 for name in by_id])
        found["named"] = float((given[row] == labels).mean())
    return found


def _outliers(
    request: Request, features: NDArray[np.float32], test: Ints, table: Table, context: Context
) -> evidence.OutlierFigures | None:
    """Groups are pseudo-labels where the clusters have a class, else the clusters."""
    pseudo = context.output(request.pseudo_label)
    given = pq.read_table(context.file(request.pseudo_label, pseudo.pseudo_labels))
    group = np.array(given["class" if pseudo.named else "cluster"].to_pylist())
    return evidence.strange(
        features, given["row"].to_numpy(), group, test, table.ids,
        rate=request.false_alarms, resamples=request.bootstrap, seed=request.seed,
    )  # fmt: skip


def _load(context: Context, reference: str, weights: Artifact, config: Artifact) -> Classifier:
    file, description = context.file(reference, weights), context.file(reference, config)
    return load_classifier(file.parent, {file.name: weights.sha256, description.name: config.sha256})


@torch.inference_mode()
def _logits(
    model: Classifier, images: NDArray[np.uint8], rows: Ints, placement: Placement, batch: int = 512
) -> Doubles:
    """Calibrated logits. In float32 whatever the training computed in: what is registered answers in float32
    too."""
    placement.put(model).eval()
    parts = []
    for start in range(0, len(rows), batch):
        part = torch.from_numpy(np.asarray(images[rows[start : start + batch]])).to(placement.device)
        parts.append(model(part.float() / 255).double().cpu())
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)


def _predictions(folder: Path, ids: Any, labels: Ints, names: list[str], p: Doubles) -> Artifact:
    columns = {
        "id": pa.array(ids.tolist(), pa.string()),
        "label": pa.array([names[i] for i in labels], pa.string()),
        "class": pa.array([names[i] for i in p.argmax(axis=1)], pa.string()),
        "confidence": pa.array(p.max(axis=1), pa.float64()),
        **{f"p_{k}": pa.array(p[:, k], pa.float64()) for k in range(len(names))},
    }
    file = folder / "predictions.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd")
    return Artifact.of(file, folder)
