"""Pseudo-labels: cluster the embeddings, spread the few labels over them, keep what the labels themselves
vouch for.

Only rows of split train are clustered, named or counted; a test row has no part in it and gets no
pseudo-label.
Letters: N training rows, D feature size, K clusters, C classes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.arrays import Ints
from components.clustering import cluster_labels, quality
from components.config import Config
from components.crash import point
from components.data.table import Table
from components.errors import UserError
from components.implementations import name_of
from components.tasks.registry import USUAL, TaskConfig, build_task
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.stages.pseudo_label.clusters import cluster
from pipelines.stages.pseudo_label.config import PseudoLabelConfig, auto_clusters
from pipelines.stages.pseudo_label.ids import continued
from pipelines.stages.pseudo_label.propagation import Named, name_samples
from pipelines.stages.pseudo_label.table import table as as_table

VERSION = 1
NO_LABELS = "no labels: samples are clustered and not named; label a few of each cluster"

_LOGGED = (
    "clusters", "repaired", "imbalance", "churn", "labels", "kept", "kept_share", "threshold",
    "estimated_precision", "evidence",
)  # fmt: skip


class Request(PseudoLabelConfig):
    """What the stage pseudo_label is given."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    embed: str
    """Reference of the finished embed; the run fills it in."""

    previous: str | None = None
    """Reference of an earlier run whose cluster ids are continued; the plan fills it in."""


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
    """Raises:
    UserError: no training samples.
    """
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    rows = table.train_rows()
    if not len(rows):
        raise UserError(
            "no-samples", "pseudo_label needs samples of split train, got none; deliver some to the inbox"
        )
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    classes: list[str] = list(snapshot.classes)
    task = build_task(request.task)
    named_rows = table.labelled_rows() if task.clusters else rows[:0]
    places = np.searchsorted(rows, named_rows)  # of the labelled rows among the training rows
    labels = table.label[rows[places]].astype(np.int64)
    ids = table.ids[rows]

    k = auto_clusters(len(rows), len(classes)) if request.clusters == "auto" else request.clusters
    context.progress(0.05, f"k-means, {counted(k, 'cluster')}")
    clustered = cluster(features, rows, places, k, request, folder, context.settings)
    found, whole = clustered.found, len(clustered.picked) == len(rows)
    renamed, next_cluster, churn = continued(request.previous, found, ids, context)
    context.progress(0.4, "naming")
    named = None
    if len(labels):
        named = name_samples(
            request,
            clustered.points,
            found.assignment,
            places,
            labels,
            len(classes),
            picked=None if whole else clustered.picked,
            chunks=clustered.rows.chunks(),
        )

    order = np.argsort(renamed)
    written = as_table(ids, rows, renamed[found.assignment], classes, named)
    pq.write_table(written, folder / "pseudo_labels.parquet", compression="zstd")
    point("pseudo_label.written")
    np.save(folder / "centroids.npy", found.centroids[order])
    np.save(folder / "centre.npy", clustered.rows.centre)
    output = Output(
        pseudo_labels=Artifact.of(folder / "pseudo_labels.parquet", folder),
        centroids=Artifact.of(folder / "centroids.npy", folder),
        centre=Artifact.of(folder / "centre.npy", folder),
        clusters=k,
        cluster_ids=[int(i) for i in renamed[order]],
        next_cluster=next_cluster,
        repaired=found.repaired,
        imbalance=quality.imbalance(found.assignment, k),
        churn=churn,
        labels=len(labels),
        **(
            _of_labels(named, found.assignment, renamed, classes)
            if named
            else _of_none(request, renamed, classes)
        ),
    )
    figures = output.model_dump(include=set(_LOGGED))
    context.log(0, **{name: value for name, value in figures.items() if value is not None})
    context.say(output.note)
    context.progress(1.0, "done")
    return output


def _of_labels(named: Named, assignment: Ints, renamed: Ints, classes: list[str]) -> dict[str, Any]:
    """What of the output follows from the pseudo-labels. assignment: [N], cluster of each row; renamed: [K], its id."""
    best = cluster_labels.cluster_classes(assignment, named.probabilities, len(renamed))
    return {
        "named": True,
        "cluster_class": {str(renamed[j]): classes[best[j]] for j in np.argsort(renamed)},
        "kept": int(named.kept.sum()),
        "kept_share": float(named.kept.mean()),
        "threshold": named.threshold,
        "estimated_precision": named.precision,
        "evidence": named.evidence.labels,
        "curve": named.curve,
        "per_class": {c: int((named.kept & (named.predicted == i)).sum()) for i, c in enumerate(classes)},
        "note": named.note,
    }


def _of_none(request: Request, renamed: Ints, classes: list[str]) -> dict[str, Any]:
    """The same where there is no label, or where labels are no classes."""
    unused = f"task {name_of(request.task)}: samples are clustered, and no cluster has a label"
    return {
        "named": False,
        "cluster_class": dict.fromkeys(map(str, np.sort(renamed))),
        "kept": 0,
        "kept_share": 0.0,
        "threshold": None,
        "estimated_precision": None,
        "evidence": 0.0,
        "curve": [],
        "per_class": dict.fromkeys(classes, 0),
        "note": NO_LABELS if build_task(request.task).clusters else unused,
    }
