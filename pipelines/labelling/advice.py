"""What the newest finished training gives for labelling: the list to label next, labels that may be wrong, predictions,
clusters, nearest labelled samples, and what further labels are expected to bring."""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.arrays import Ints
from components.evaluation.labels.next_labels import Expected, expected
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.flows.due import newest
from pipelines.pages.sources import Sources
from pipelines.registry.features_used import reads_features

READ = ("snapshot", "embed", "pseudo_label", "finetune", "evaluate")  # stages


@dataclass(frozen=True)
class Hint:
    """Of a sample. prediction: its likeliest class, "" where there is none; confidence: that it is right. cluster: None
    where clusters are not used. why: it is asked for."""

    prediction: str = ""
    confidence: float | None = None
    cluster: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Doubted:
    """A label that may be wrong, and the class that is likelier. wrong: probability that it is wrong."""

    id: str
    label: str
    likely: str
    wrong: float


class Advice:
    """From a report and the runs that it names. reference: of the report. time: unix time at which it was begun.
    listed: ids of what to label next, the best first; doubted: labels that may be wrong, the likeliest first.

    Raises:
        UserError: a run that it names is missing or was changed.
    """

    def __init__(self, reference: str, context: Context) -> None:
        manifest = read_manifest(reference, context.store)
        self.reference, self.time = reference, manifest.started
        self._sources = Sources({stage: manifest.given[stage] for stage in READ}, context)
        report = context.file(reference, Artifact.model_validate(manifest.output["to_label"]))
        with report.open(newline="", encoding="utf-8") as stream:
            asked = list(csv.DictReader(stream))
        self._asked = {row["id"]: row for row in asked}
        self.listed = [row["id"] for row in asked]
        self.doubted = [
            Doubted(one["id"], one["label"], one["likely"], one["wrong"])
            for one in (self._found.get("suspects") or {"worst": []})["worst"]
        ]

    @property
    def _found(self) -> dict[str, Any]:
        return self._sources.outputs["evaluate"]

    @cached_property
    def _place(self) -> dict[str, int]:
        """Id -> row of the pseudo-labels and features."""
        return {id: place for place, id in enumerate(self._sources.given["id"])}

    @cached_property
    def _clustered(self) -> bool:
        return reads_features(self._sources.outputs["finetune"])

    def review(self) -> list[str]:
        """Ids of the training samples that a detector of anomalies ranks highest, in order; none of other tasks. Test
        samples are not asked for by their score: only those drawn at random represent the data."""
        if self._found.get("review") is None:
            return []
        ranked = pq.read_table(self._sources.file("evaluate", "review")).to_pylist()
        return [row["id"] for row in ranked if row["split"] == "train"]

    def hint(self, id: str) -> Hint:
        """What is known of a sample; nothing of one that came later."""
        row, place = self._asked.get(id, {}), self._place.get(id)
        suggested = row.get("suggested class", "").removeprefix("'")
        if place is None:
            return Hint(why=row.get("why", ""))
        given = self._sources.given
        named = given["class"][place]
        return Hint(
            prediction=named or suggested,
            confidence=float(given["confidence"][place]) if named else None,
            cluster=int(given["cluster"][place]) if self._clustered else None,
            why=row.get("why", ""),
        )

    def members(self, cluster: int) -> list[str]:
        """Ids of a cluster's samples, the most typical first; none where there is no such cluster."""
        given, ids = self._sources.given, list(self._sources.outputs["pseudo_label"]["cluster_ids"])
        rows = np.flatnonzero(np.asarray(given["cluster"]) == cluster)
        if not self._clustered or not len(rows) or cluster not in ids:
            return []
        centroid = np.load(self._sources.file("pseudo_label", "centroids"))[ids.index(cluster)]
        order = np.argsort(-(self._sources.features[rows] @ centroid), kind="stable")
        return [given["id"][row] for row in rows[order]]

    def nearest(self, id: str, labelled: Collection[str], count: int) -> list[str]:
        """Ids of the labelled training samples whose features are nearest by cosine; none where features are not
        used."""
        place = self._place.get(id)
        if not self._clustered or place is None:
            return []
        rows: Ints = np.array(
            [self._place[one] for one in labelled if one in self._place and one != id], dtype=np.int64
        )
        near = self._sources.features[rows] @ self._sources.features[place]
        return [self._sources.given["id"][row] for row in rows[np.argsort(-near, kind="stable")[:count]]]

    def expected(self) -> Expected | None:
        """What a list of further labels is expected to bring a linear model on the features; None where the
        evaluation has no curve."""
        saving = self._found.get("saving")
        return expected(saving["sizes"], saving["ours"], max(1, len(self.listed))) if saving else None


def newest_advice(context: Context) -> Advice | None:
    """That of the newest finished training of the recipe; None where there is none."""
    found = newest("report", context.recipe, context.store)
    return None if found is None else Advice(found, context)
