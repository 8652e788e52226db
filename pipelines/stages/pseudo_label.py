"""Pseudo-labels: cluster the embeddings, spread the few labels over them, keep what the labels themselves
vouch for.

Only rows of split train are clustered, named or counted; a test row has no part in it and gets no
pseudo-label.
Letters: N training rows, D feature size, K clusters, C classes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from components.clustering import kmeans as km
from components.clustering import matching, naming, quality, trust
from components.config import Config
from components.crash import point
from components.data.table import Table
from components.errors import UserError
from pipelines.store import Artifact, Context

VERSION = 1

Ints = NDArray[np.int64]

_LOGGED = (
    "clusters", "repaired", "imbalance", "churn", "labels", "kept", "kept_share", "threshold",
    "estimated_precision", "evidence",
)  # fmt: skip


class Request(Config):
    """clusters: K, or "auto": the larger of 3 C and sqrt(N) / 2, at most N / 10 and at least 2
    (over-clustering). target_precision: share of the kept pseudo-labels that should be right, by the labels'
    own evidence. balance: class shares that the classes are aligned to: none, those of the labels, or
    uniform; give one only where it is known to hold, as a wrong one costs far more than a right one gains.
    cap: a class may have at most cap times its share of what is kept (its share: of the labels, smoothed).
    previous: reference of an earlier run, whose cluster ids are continued."""

    snapshot: str
    embed: str
    clusters: PositiveInt | Literal["auto"] = "auto"
    restarts: PositiveInt = 3
    iterations: PositiveInt = 25
    target_precision: float = Field(default=0.9, gt=0, le=1)
    balance: Literal["none", "labels", "uniform"] = "none"
    cap: PositiveFloat = 2.0
    folds: int = Field(default=5, ge=2)
    seed: NonNegativeInt = 0
    previous: str | None = None


class Output(Config):
    """pseudo_labels: Parquet, a row a training sample in table order: id, row, class (null without labels),
    confidence (that the class is right, by cross-fitted evidence), cluster, source ("label", "cluster",
    "neighbour"), kept, probabilities (as spread, before that calibration; empty without labels).
    centroids: [K, D] float32 .npy of unit length, of features less `centre` [D] .npy; row j is cluster
    cluster_ids[j]. next_cluster: first id never used. cluster_class: by cluster id, null without labels.
    kept_share: of all training rows, the labelled ones included. estimated_precision: of those kept beyond
    the labels. evidence: number of labels that were held out in turn. curve: of these, share kept and share
    right by threshold. churn: share of the samples common with `previous` whose cluster changed; None without
    it."""

    pseudo_labels: Artifact
    centroids: Artifact
    centre: Artifact
    clusters: int
    cluster_ids: list[int]
    next_cluster: int
    cluster_class: dict[str, str | None]
    repaired: int
    imbalance: float
    churn: float | None
    named: bool
    labels: int
    kept: int
    kept_share: float
    threshold: float | None
    estimated_precision: float | None
    evidence: float
    curve: list[dict[str, float]]
    per_class: dict[str, int]
    note: str


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    if not len(table.train_rows()):
        raise UserError("pseudo_label needs samples of split train, got none; deliver some to the inbox")
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    rows = table.train_rows()
    train = np.asarray(features[rows], dtype=np.float32)
    classes: list[str] = list(snapshot.classes)
    places = np.searchsorted(rows, table.labelled_rows())  # of the labelled rows in train
    labels = table.label[rows[places]].astype(np.int64)
    ids = table.ids[rows]

    centre = train.mean(axis=0, dtype=np.float64).astype(np.float32)
    train -= centre  # features of one sign crowd into a cone; seen from their mean, cosines tell more
    k = auto_clusters(len(train), len(classes)) if request.clusters == "auto" else request.clusters
    context.progress(0.05, f"k-means, {k} clusters")
    found = km.kmeans(train, k, restarts=request.restarts, iterations=request.iterations, seed=request.seed)
    renamed, next_cluster, churn = _continue(request.previous, found, ids, context)
    context.progress(0.4, "naming")
    named = (
        name_samples(request, train, found.assignment, places, labels, len(classes)) if len(labels) else None
    )

    order = np.argsort(renamed)
    cluster = renamed[found.assignment]
    pq.write_table(
        _parquet(ids, rows, cluster, classes, named), folder / "pseudo_labels.parquet", compression="zstd"
    )
    point("pseudo_label.written")
    np.save(folder / "centroids.npy", found.centroids[order])
    np.save(folder / "centre.npy", centre)
    best = (
        naming.cluster_classes(found.assignment, named.probabilities, k) if named else np.zeros(0, np.int64)
    )
    output = Output(
        pseudo_labels=Artifact.of(folder / "pseudo_labels.parquet", folder),
        centroids=Artifact.of(folder / "centroids.npy", folder),
        centre=Artifact.of(folder / "centre.npy", folder),
        clusters=k,
        cluster_ids=[int(i) for i in renamed[order]],
        next_cluster=next_cluster,
        cluster_class={str(renamed[j]): classes[best[j]] if named else None for j in order},
        repaired=found.repaired,
        imbalance=quality.imbalance(found.assignment, k),
        churn=churn,
        named=named is not None,
        labels=len(labels),
        kept=int(named.kept.sum()) if named else 0,
        kept_share=float(named.kept.mean()) if named else 0.0,
        threshold=named.threshold if named else None,
        estimated_precision=named.precision if named else None,
        evidence=named.evidence.labels if named else 0.0,
        curve=named.curve if named else [],
        per_class={
            c: int((named.kept & (named.predicted == i)).sum()) if named else 0 for i, c in enumerate(classes)
        },
        note=named.note
        if named
        else "no labels: samples are clustered and not named; label a few of each cluster",
    )
    figures = output.model_dump(include=set(_LOGGED))
    context.log(0, **{name: value for name, value in figures.items() if value is not None})
    context.say(output.note)
    context.progress(1.0, "done")
    return output


def auto_clusters(samples: int, classes: int) -> int:
    """max(3 C, sqrt(N) / 2), at most N / 10, at least 2 (1 for a single sample)."""
    wanted = max(3 * classes, round(samples**0.5 / 2))
    return int(min(max(2, min(wanted, samples // 10)), samples))


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
    evidence: trust.Evidence
    curve: list[dict[str, float]]
    note: str


def name_samples(
    request: Request, train: NDArray[np.float32], assignment: Ints, rows: Ints, labels: Ints, classes: int
) -> Named:
    """Classes, confidences and what is kept, for train [N, D] with labels [L] at rows [L]; L >= 1."""
    edges = naming.graph(train)
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    smooth = np.where(counts > 0, counts + 5, 0.0)  # random draws of 100 labels say little of ten shares
    shares = {"none": None, "labels": smooth, "uniform": (counts > 0).astype(np.float64)}[request.balance]
    prior = None if shares is None else shares / shares.sum()

    def spread(at: Ints, given: Ints) -> NDArray[np.float32]:
        return naming.spread_labels(edges, at, given, classes, prior=prior)

    evidence = trust.cross_fit(spread, rows, labels, folds=request.folds, seed=request.seed)
    calibrator = trust.calibrate(evidence)
    p = spread(rows, labels)
    predicted, confidence = p.argmax(axis=1).astype(np.int64), calibrator(p.max(axis=1))
    p[rows], predicted[rows], confidence[rows] = np.eye(classes, dtype=np.float32)[labels], labels, 1.0
    rest = np.ones(len(train), dtype=bool)
    rest[rows] = False
    choice = trust.choose(confidence[rest], request.target_precision)
    if not evidence.labels:  # nothing vouches for the mean: each sample must reach the target by itself
        choice = trust.Choice(request.target_precision, None)
    alone = int((counts > 0).sum()) == 1
    if alone:  # every sample would get this class, and labels held out in turn would praise it
        choice = trust.Choice(None, None)
    kept = rest & (confidence >= (np.inf if choice.threshold is None else choice.threshold))
    kept = trust.cap(kept, predicted, confidence, smooth / smooth.sum(), request.cap)
    precision = float(confidence[kept].mean()) if kept.any() and evidence.labels else None
    kept[rows] = True
    note = _note(
        choice, evidence, len(labels), int((counts == 0).sum()), int(kept.sum()), len(train), precision
    )
    if alone:
        note = (
            f"{len(labels)} labels, all of one class, so only they are kept; label samples of another class"
        )
    source = naming.sources(assignment, predicted, rows, labels)
    curve = trust.curve(evidence, calibrator)
    return Named(p, predicted, confidence, source, kept, choice.threshold, precision, evidence, curve, note)


def _note(
    choice: trust.Choice,
    evidence: trust.Evidence,
    labels: int,
    unseen: int,
    kept: int,
    samples: int,
    precision: float | None,
) -> str:
    parts = [f"kept {kept} of {samples} samples, {labels} of them labelled"]
    if precision is not None:
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
        parts.append(f"{len(evidence.left_out)} classes with a single label took no part in the evidence")
    if unseen:
        parts.append(f"{unseen} classes without a label are never named")
    return "; ".join(parts)


def _continue(
    previous: str | None, found: km.Clustering, ids: NDArray[np.str_], context: Context
) -> tuple[Ints, int, float | None]:
    """[K] the id of each cluster, the first id never used, churn. Clusters are matched by the samples they
    share."""
    k = len(found.centroids)
    if previous is None:
        return np.arange(k, dtype=np.int64), k, None
    before: Output = context.output(previous)
    file = context.file(previous, before.pseudo_labels)
    table = pq.read_table(file, columns=["id", "cluster"])
    _, mine, theirs = np.intersect1d(
        ids, np.array(table["id"].to_pylist(), dtype=np.str_), return_indices=True
    )
    old_ids = np.array(before.cluster_ids, dtype=np.int64)
    old = table["cluster"].to_numpy()[theirs]
    partners = matching.match_samples(np.searchsorted(old_ids, old), found.assignment[mine], len(old_ids), k)
    renamed = matching.rename(partners, old_ids, before.next_cluster)
    churn = matching.churn(old, renamed[found.assignment[mine]]) if len(mine) else None
    return renamed, max(before.next_cluster, int(renamed.max()) + 1), churn


def _parquet(
    ids: NDArray[np.str_], rows: Ints, cluster: Ints, classes: list[str], named: Named | None
) -> pa.Table:
    n = len(rows)
    if named is None:
        nothing: list[Any] = [None] * n
        columns: tuple[Any, ...] = (nothing, np.zeros(n, np.float32), nothing, np.zeros(n, bool), [[]] * n)
    else:
        names = [classes[c] for c in named.predicted]
        columns = (
            names,
            named.confidence.astype(np.float32),
            named.source.tolist(),
            named.kept,
            list(named.probabilities),
        )
    return pa.table(
        {
            "id": pa.array(ids.tolist(), pa.string()),
            "row": pa.array(rows, pa.int64()),
            "class": pa.array(columns[0], pa.string()),
            "confidence": pa.array(columns[1], pa.float32()),
            "cluster": pa.array(cluster, pa.int64()),
            "source": pa.array(columns[2], pa.string()),
            "kept": pa.array(columns[3], pa.bool_()),
            "probabilities": pa.array(columns[4], pa.list_(pa.float32())),
        }
    )
