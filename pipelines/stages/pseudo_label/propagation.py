"""Classes for the training rows from the few labels, how far each can be trusted, and which are kept.

Letters: N training rows, M of them in memory, D feature size, L labels, C classes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Floats, Ints
from components.clustering import cluster_labels, confidence_threshold
from components.clustering.out_of_sample import induced
from components.clustering.poisson import poisson, poisson_mbo
from components.wording import are, counted
from pipelines.stages.pseudo_label.config import PseudoLabelConfig


@dataclass(frozen=True)
class Named:
    """What naming gave, by training row: probabilities [N, C], predicted, confidence, source, kept [N]."""

    probabilities: NDArray[np.float32]
    predicted: Ints
    confidence: NDArray[np.float64]
    source: NDArray[np.str_]
    kept: NDArray[np.bool_]
    threshold: float | None
    precision: float | None
    evidence: confidence_threshold.Evidence
    curve: list[dict[str, float]]
    note: str


def name_samples(
    asked: PseudoLabelConfig,
    points: Floats,
    assignment: Ints,
    rows: Ints,
    labels: Ints,
    classes: int,
    *,
    picked: Ints | None = None,
    chunks: Iterable[Floats] = (),
) -> Named:
    """Classes, confidences and what is kept, of N samples with labels [L] at rows [L]; L >= 1.

    Args:
        points: [N, D] features, over whose graph labels spread; or of the samples `picked` [M] alone, the
            labelled ones among them.
        chunks: with `picked`, the features of all N samples in turn, which are named by their neighbours among
            the points.
    """
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    smooth = np.where(counts > 0, counts + 5, 0.0)  # random draws of 100 labels say little of ten shares
    shares = {"none": None, "labels": smooth, "uniform": (counts > 0).astype(np.float64)}[asked.balance]
    prior = None if shares is None else shares / shares.sum()
    spread = _namer(asked.propagation, points, classes, prior)
    at = rows if picked is None else np.searchsorted(picked, rows)
    evidence = confidence_threshold.cross_fit(spread, at, labels, folds=asked.folds, seed=asked.seed)
    calibrator = confidence_threshold.calibrate(evidence)
    p = spread(at, labels)
    if picked is not None:
        inside, p = p, induced(points, p, chunks)
        p[picked] = inside
    predicted, confidence = p.argmax(axis=1).astype(np.int64), calibrator(p.max(axis=1))
    p[rows], predicted[rows], confidence[rows] = np.eye(classes, dtype=np.float32)[labels], labels, 1.0
    rest = np.ones(len(assignment), dtype=bool)
    rest[rows] = False
    choice = confidence_threshold.choose(confidence[rest], asked.target_precision)
    if not evidence.labels:  # nothing vouches for the mean: each sample must reach the target by itself
        choice = confidence_threshold.Choice(asked.target_precision, None)
    alone = int((counts > 0).sum()) == 1
    if alone:  # every sample would get this class, and labels held out in turn would praise it
        choice = confidence_threshold.Choice(None, None)
    kept = rest & (confidence >= (np.inf if choice.threshold is None else choice.threshold))
    kept = confidence_threshold.cap(kept, predicted, confidence, smooth / smooth.sum(), asked.cap)
    precision = float(confidence[kept].mean()) if kept.any() and evidence.labels else None
    kept[rows] = True
    unseen = int((counts == 0).sum())
    note = _note(choice, evidence, len(labels), unseen, int(kept.sum()), len(kept), precision)
    if alone:
        note = f"{counted(len(labels), 'label')}, all of one class, so only they are kept"
        note += "; label samples of another class"
    if picked is not None:
        note += (
            f"; labels spread over {len(points)} of the samples, which name the others, as the features of all "
            "exceed pseudo_label.memory"
        )
    source = cluster_labels.sources(assignment, predicted, rows, labels)
    curve = confidence_threshold.curve(evidence, calibrator)
    return Named(p, predicted, confidence, source, kept, choice.threshold, precision, evidence, curve, note)


def _namer(
    propagation: str, points: Floats, classes: int, prior: NDArray[np.float64] | None
) -> confidence_threshold.Namer:
    """What gives classes to all points [M, D] from the labels of some."""
    if propagation == "spreading":
        edges = cluster_labels.graph(points)
        return lambda rows, labels: cluster_labels.spread_labels(edges, rows, labels, classes, prior=prior)
    weights, by = (
        cluster_labels.affinities(points),
        {"poisson": poisson, "poisson_mbo": poisson_mbo}[propagation],
    )
    return lambda rows, labels: by(weights, rows, labels, classes, prior=prior)


def _note(
    choice: confidence_threshold.Choice,
    evidence: confidence_threshold.Evidence,
    labels: int,
    unseen: int,
    kept: int,
    samples: int,
    precision: float | None,
) -> str:
    parts = [f"kept {kept} of {counted(samples, 'sample')}, {labels} of them labelled"]
    if labels == samples:
        parts.append("every sample has a label, so there is none to name")
    elif precision is not None:
        parts.append(
            f"{precision:.1%} of the others expected right by {evidence.labels:.0f} labels held out in turn"
        )
    elif not evidence.labels:
        parts.append(
            "no class has two labels, so confidence is not calibrated; a second label a class would do it"
        )
    elif choice.threshold is None:
        parts.append("no confidence reaches the target precision, so only labels are kept; give more labels")
    if evidence.labels and evidence.left_out:
        parts.append(
            f"{counted(len(evidence.left_out), 'class')} with a single label took no part in the evidence"
        )
    if unseen:
        parts.append(f"{counted(unseen, 'class')} without a label {are(unseen)} never named")
    return "; ".join(parts)
