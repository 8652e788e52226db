"""Measure on the held-out test samples: the model, the baselines it must beat, the frozen features, the
clusters.

All models are read on the same samples, so that differences are paired. Everything that is tuned here (the
strength of a regression, the k of kNN) is tuned on the training labels alone.
Letters: M test samples, K classes, D features, n labels.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt

from components.config import Config
from components.data.table import Table
from components.evaluation import metrics
from components.evaluation.baselines import knn_on_pixels, logistic_on_pixels, pixels
from components.evaluation.bootstrap import Interval, macro_f1_interval, mean_interval, paired_difference
from components.evaluation.calibration import ece, log_loss, reliability, softmax
from components.evaluation.clusters import agreement, nearest
from components.evaluation.diagnostics import effective_rank, feature_std
from components.evaluation.knn import choose_k, knn
from components.evaluation.probe import fit_probe
from components.registry.model import Classifier, load_classifier
from components.training.device import Placement, place
from pipelines.store import Artifact, Context

VERSION = 1

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
POOL = 4096  # rows that health and standardisation are taken from
BASELINES = (
    "scratch",
    "logistic_pixels",
    "knn_pixels",
)  # what is called a baseline; the rest looks at our features


class Request(Config):
    """bootstrap: resamples. bins: of the calibration error."""

    snapshot: str
    pretrain: str
    embed: str
    pseudo_label: str
    finetune: str
    bootstrap: PositiveInt = 2000
    bins: int = Field(default=15, ge=2)
    seed: NonNegativeInt = 0


class Figure(Config):
    """value on the test samples; low, high: 95 % percentile interval over resamples of them."""

    value: float
    low: float
    high: float


class ClassRow(Config):
    precision: float
    recall: float
    f1: float
    support: int


class CurveBin(Config):
    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


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
    centred_rank, dimensions.
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


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    test = table.test_rows()
    health = _health(features, table.train_rows(), request.seed)
    clusters = (
        _clusters(request, features[test], table.label[test], list(snapshot.classes), context)
        if len(test)
        else {}
    )
    context.progress(0.1, "clusters and health")
    found = context.output(request.finetune)
    reason = found.skipped or (None if len(test) else "no labelled test sample to measure on")
    if reason is not None:
        context.say(f"evaluation of classes skipped: {reason}")
        return Output(skipped=reason, samples=len(test), clusters=clusters, health=health)

    labels, names = table.label[test].astype(np.int64), list(snapshot.classes)
    images = np.load(context.file(request.snapshot, snapshot.images), mmap_mode="r")
    placement = place(context.settings.device)
    model = _load(context, request.finetune, found.model, found.config)
    logits = _logits(model, images, test, placement)
    context.progress(0.3, "model")
    answers = {"model": logits, **_frozen(features, table, len(names), request.seed)}
    context.progress(0.6, "linear probe and kNN on frozen features")
    answers |= _pixels(images, table, len(names), request.seed)
    if found.scratch is not None:
        scratch = _load(context, request.finetune, found.scratch, found.scratch_config)
        answers["scratch"] = _logits(scratch, images, test, placement)
    context.progress(0.9, "baselines")

    right = {name: answer.argmax(axis=1) == labels for name, answer in answers.items()}
    of = {
        name: _figure(mean_interval(r, resamples=request.bootstrap, seed=request.seed))
        for name, r in right.items()
    }
    over = {
        name: _figure(paired_difference(right["model"], r, resamples=request.bootstrap, seed=request.seed))
        for name, r in right.items()
        if name != "model"
    }
    best = max((name for name in BASELINES if name in of), key=lambda name: of[name].value)
    counts = metrics.confusion(labels, logits.argmax(axis=1), len(names))
    temperature = float(model.config.temperature)
    figures = {
        **_named("accuracy", of["model"]),
        **_named(
            "macro_f1", _figure(macro_f1_interval(counts, resamples=request.bootstrap, seed=request.seed))
        ),
        **_named("margin", over[best]),
        **_calibration(logits, labels, request.bins, ""),
        **_calibration(logits * temperature, labels, request.bins, "_before"),
        "temperature": temperature,
    }
    context.log(0, **figures, **{f"baseline/{name}": of[name].value for name in of if name != "model"})
    context.say(
        f"test accuracy {of['model'].value:.3f} ({of['model'].low:.3f} to {of['model'].high:.3f}), "
        f"best baseline {best} "
        f"{of[best].value:.3f}, "
        f"margin {over[best].value:+.3f} ({over[best].low:+.3f} to {over[best].high:+.3f})"
    )
    context.progress(1.0, "done")
    return Output(
        samples=len(test),
        predictions=_predictions(folder, table.ids[test], labels, names, softmax(logits)),
        metrics=figures,
        best_baseline=best,
        baselines={name: of[name].value for name in BASELINES if name in of},
        frozen={name: of[name].value for name in ("knn", "probe")},
        intervals=of,
        differences=over,
        per_class={
            name: ClassRow(**asdict(row)) for name, row in zip(names, metrics.per_class(counts), strict=True)
        },
        confusion=[[int(n) for n in row] for row in counts],
        reliability=_curve(logits, labels, request.bins),
        reliability_before=_curve(logits * temperature, labels, request.bins),
        clusters=clusters,
        health=health,
    )


# -- without labels of the training


def _health(features: NDArray[np.float32], rows: Ints, seed: int) -> dict[str, float]:
    if len(rows) < 2:
        return {}
    chosen = np.sort(np.random.default_rng(seed).choice(rows, min(POOL, len(rows)), replace=False))
    sample = torch.from_numpy(np.asarray(features[chosen], dtype=np.float32))
    return {
        "std": feature_std(sample),
        "spread": feature_std(sample) * sample.shape[1] ** 0.5,
        "effective_rank": (rank := effective_rank(sample)),
        "effective_rank_fraction": rank / min(sample.shape),
        "centred_rank": effective_rank(sample - sample.mean(dim=0)),
        "dimensions": float(sample.shape[1]),
    }


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


# -- each gives [M, K] logits or probabilities of the test samples


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


def _frozen(features: NDArray[np.float32], table: Table, classes: int, seed: int) -> dict[str, Doubles]:
    train, test = table.labelled_rows(), table.test_rows()
    labels = table.label[train].astype(np.int64)
    own, asked = (np.asarray(features[rows], dtype=np.float32) for rows in (train, test))
    everyone = table.train_rows()
    chosen = np.sort(np.random.default_rng(seed).choice(everyone, min(POOL, len(everyone)), replace=False))
    probe = fit_probe(own, labels, classes, pool=np.asarray(features[chosen], dtype=np.float32), seed=seed)
    bank, known = torch.from_numpy(own), torch.from_numpy(labels)
    k = choose_k(bank, known, classes=classes)
    votes = knn(bank, known, torch.from_numpy(asked), classes=classes, k=k)
    return {"probe": probe.logits(asked), "knn": np.asarray(votes.double().numpy(), dtype=np.float64)}


def _pixels(images: NDArray[np.uint8], table: Table, classes: int, seed: int) -> dict[str, Doubles]:
    train, test = table.labelled_rows(), table.test_rows()
    labels = table.label[train].astype(np.int64)
    own, asked = pixels(images[train]), pixels(images[test])
    logits, _ = logistic_on_pixels(own, labels, asked, classes, seed=seed)
    return {"logistic_pixels": logits, "knn_pixels": knn_on_pixels(own, labels, asked, classes)}


# -- how it is told


def _figure(interval: Interval) -> Figure:
    return Figure(**asdict(interval))


def _named(name: str, figure: Figure) -> dict[str, float]:
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


def _calibration(logits: Doubles, labels: Ints, bins: int, suffix: str) -> dict[str, float]:
    p = softmax(logits)
    error = ece(p.max(axis=1), p.argmax(axis=1) == labels, bins)
    return {f"ece{suffix}": error, f"log_loss{suffix}": log_loss(logits, labels)}


def _curve(logits: Doubles, labels: Ints, bins: int) -> list[CurveBin]:
    p = softmax(logits)
    return [CurveBin(**asdict(b)) for b in reliability(p.max(axis=1), p.argmax(axis=1) == labels, bins)]


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
