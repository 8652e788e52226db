"""What can be said for and against a model beside its accuracy: its sets of classes, samples unlike all others,
labels that look wrong, and how many labels were saved.

Letters: M test samples, N training samples, D features, K classes, n labels.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from components.arrays import Doubles, Floats, Ints
from components.config import Config
from components.evaluation.classification import outliers, training_noise
from components.evaluation.classification.calibration import softmax
from components.evaluation.classification.conformal import Sets, coverage
from components.evaluation.classification.figures import Figure, share
from components.evaluation.classification.probe import Probe
from components.evaluation.labels import label_noise, label_savings

FEW = 40  # training samples under which nothing is said about outliers
MOST = 16384  # training samples looked at for outliers
SHOWN = 24  # suspects and most unusual samples that are kept


class SetFigures(Config):
    """promised: 1 less the share that may be missed. coverage: on the test samples. size: mean number of classes.
    single: share of samples with one class; single_right: of those. worst_class: the one covered least."""

    promised: float
    coverage: Figure
    size: float
    single: float
    single_right: float | None
    worst_class: str
    worst_coverage: float


class Outlier(Config):
    id: str
    row: int
    score: float


class OutlierFigures(Config):
    """rate: of false alarms that was asked for. limit: the score above which a sample is called an outlier.
    false_alarms: share of the test samples above it. samples: training samples, by score."""

    rate: float
    limit: float
    false_alarms: Figure
    samples: list[Outlier]


class Suspect(Config):
    """A label that is probably wrong. margin: p of the given class less p of the likely one. wrong: probability that
    the label is wrong."""

    id: str
    row: int
    label: str
    likely: str
    margin: float
    wrong: float


class SavingFigures(Config):
    """sizes: numbers of labels. ours, alone: mean accuracy of logistic regression on the frozen features and on the
    pixels. labels: how many of ours give what all of them give alone; needed: how many supervised learning needs for
    what all of ours give; None: more than there are. low, high: 95 %."""

    sizes: list[int]
    ours: list[float]
    alone: list[float]
    labels: float | None
    labels_low: float | None
    labels_high: float | None
    needed: float | None
    needed_low: float | None
    needed_high: float | None


class Suspects(Config):
    """checked: labels that could be held out. disputed: of them by models that did not see them. found: named as
    probably wrong; the worst are listed. precision: estimated share of those named that is wrong, None where none is.
    why: none is named although some are disputed."""

    checked: int
    disputed: int = 0
    found: int
    precision: float | None = None
    why: str = ""
    worst: list[Suspect] = Field(default_factory=list)


def sets(kept: Sets, p: Doubles, labels: Ints, names: Sequence[str]) -> SetFigures:
    """Of the probabilities [M, K] of test samples with labels [M]."""
    inside = kept.of(p)
    covered, size = coverage(inside, labels), inside.sum(axis=1)
    one = size == 1
    by_class = {k: float(covered[labels == k].mean()) for k in np.unique(labels).tolist()}
    worst = min(by_class, key=lambda k: by_class[k])
    return SetFigures(
        promised=1 - kept.miss,
        coverage=share(covered),
        size=float(size.mean()),
        single=float(one.mean()),
        single_right=float(covered[one].mean()) if one.any() else None,
        worst_class=names[worst],
        worst_coverage=by_class[worst],
    )


def outlier_figures(
    features: Floats, rows: Ints, group: NDArray[np.generic], test: Ints, ids: NDArray[np.str_], *, rate: float,
    seed: int,
) -> OutlierFigures | None:  # fmt: skip
    """features: [all, D]. rows, group: [N] of the training samples; test: [M] rows. None where there are too few
    to judge a rate of false alarms by."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(rows))[:MOST])
    if len(chosen) < FEW or not len(test):
        return None
    x = np.asarray(features[rows[chosen]], dtype=np.float32)
    learn = rng.permutation(len(chosen)) % 2 == 0
    found = outliers.fit_mahalanobis(x[learn], group[chosen][learn])
    score = found.scores(x)
    limit = outliers.limit(score[~learn], rate)
    if not math.isfinite(limit):
        return None
    top = np.argsort(-score, kind="stable")[:SHOWN]
    return OutlierFigures(
        rate=rate,
        limit=limit,
        false_alarms=share(found.scores(features[test]) > limit),
        samples=[
            Outlier(id=str(ids[rows[chosen[i]]]), row=int(rows[chosen[i]]), score=float(score[i]))
            for i in top
        ],
    )


def suspects(
    held: Path, temperature: float, ids: NDArray[np.str_], names: Sequence[str], precision: float
) -> Suspects:
    """held: what the cross-fitting of finetune answered on the labels; ids: of the table. precision: the least
    estimated share of wrong labels among those that are named."""
    table = pq.read_table(held)
    logits = np.stack([table[f"logit_{k}"].to_numpy() for k in range(len(names))], axis=1)
    labels, rows = table["label"].to_numpy(), table["row"].to_numpy()
    named = label_noise.named(softmax(logits / temperature), labels, precision)
    found = named.suspects
    worst = [
        Suspect(
            id=str(ids[rows[i]]),
            row=int(rows[i]),
            label=names[labels[i]],
            likely=names[k],
            margin=float(m),
            wrong=float(w),
        )
        for i, k, m, w in zip(found.rows, found.likely, found.margin, named.wrong, strict=True)
    ]
    return Suspects(
        checked=len(labels),
        disputed=named.disputed,
        found=len(found.rows),
        precision=named.precision,
        why=named.why,
        worst=worst[:SHOWN],
    )


def deviation(held: Path | None, labels: int) -> float:
    """Standard deviation of the model's accuracy between trainings
    (components.evaluation.classification.training_noise). held: what cross-fitting predicted for the labels, None
    where nothing was held out; labels: how many there are."""
    if held is None:
        return training_noise.deviation(labels)
    table = pq.read_table(held)
    classes = sum(name.startswith("logit_") for name in table.column_names)
    logits = np.stack([table[f"logit_{k}"].to_numpy() for k in range(classes)], axis=1)
    right = logits.argmax(axis=1) == table["label"].to_numpy()
    return training_noise.deviation(labels, right, table["fold"].to_numpy())


def saved(
    ours: tuple[Probe, Floats, Floats],
    alone: tuple[Probe, Floats, Floats],
    labels: Ints,
    truth: Ints,
    seed: int,
) -> SavingFigures:
    """ours, alone: the regression on all labels, the features of the labels [n, D] and of the test samples [M, D]."""
    sizes = label_savings.sizes_of(labels)
    right = [
        label_savings.right_by_size(probe, own, labels, asked, truth, sizes=sizes, seed=seed)
        for probe, own, asked in (ours, alone)
    ]
    found = label_savings.saving(right[0], right[1], sizes, seed=seed)
    return SavingFigures(
        sizes=sizes,
        ours=[float(v) for v in right[0].mean(axis=(0, 2))],
        alone=[float(v) for v in right[1].mean(axis=(0, 2))],
        labels=_finite(found.labels),
        labels_low=_finite(found.low),
        labels_high=_finite(found.high),
        needed=_finite(found.needed),
        needed_low=_finite(found.needed_low),
        needed_high=_finite(found.needed_high),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
