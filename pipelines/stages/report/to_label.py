"""What to label next, for a person: a CSV file that comes back through the inbox, and the samples in the report."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.clustering.kmeans import kmeans
from components.evaluation.labels.acquisition import Asking, groups_for, rank
from components.tasks.registry import task_of
from components.wording import counted
from pipelines.inference.arrivals import arrivals
from pipelines.pages.sources import Sources

HEADER = (
    "rank", "id", "name", "delivery", "use", "cluster", "why", "suggested class", "confidence", "label", "annotator",
)  # fmt: skip
SHOWN = 24  # with a thumbnail
TYPICAL = (
    "The most typical sample of each group of like samples that has no label, large and doubtful groups first, each "
    "look asked once"
)
RANKED = "The samples without a label that are ranked highest"

Row = dict[str, Any]


def to_label(sources: Sources, asking: Asking, seed: int = 0) -> list[Row]:
    """The samples to ask for, the best first: the columns of the CSV file, and `row` of the packed array.

    While few test samples have a label, every third row is one for testing (`use`), so that a list that is filled in
    from the top gives a model and a judgement on it. None where the task has no use for labels.
    """
    if not task_of(sources.manifests["evaluate"].given).takes_labels:
        return []
    tests = _tests(sources, asking)
    count = asking.count - len(tests)
    learn = (
        _to_review(sources, count)
        if _reviewed(sources)
        else _to_learn_from(sources, replace(asking, count=count), seed)
    )
    rows: list[Row] = []
    while learn or tests:
        rows += [*learn[:2], *tests[:1]]
        learn, tests = learn[2:], tests[1:]
    names = _names(sources, {row["id"] for row in rows})
    return [
        {**row, "rank": place, **dict(zip(("name", "delivery"), names.get(row["id"], ("", "")), strict=True))}
        for place, row in enumerate(rows, start=1)
    ]


def _tests(sources: Sources, asking: Asking) -> list[Row]:
    """Test samples without a label, a third of the list at most. In order of id, which is a hash: drawn by chance, so
    they represent the data, and the same ones as long as they have no label. Nothing is suggested for them."""
    table = sources.table
    rows = np.flatnonzero((table.split == "test") & (table.label < 0))
    count = max(0, min(asking.count // 3, asking.tests - len(table.test_rows())))
    reason = f"drawn by chance from {len(rows):,} test samples without a label: the model is judged on it"
    return [
        {"id": str(table.ids[row]), "use": "testing", "why": reason, "row": int(row)}
        for row in rows[np.argsort(table.ids[rows])][:count]
    ]


def how(sources: Sources) -> str:
    """How the samples were chosen, for the page."""
    return RANKED if _reviewed(sources) else TYPICAL


def _reviewed(sources: Sources) -> bool:
    """Whether the evaluation has left samples in the order in which they are to be looked at."""
    return sources.outputs["evaluate"].get("review") is not None


def _to_review(sources: Sources, count: int) -> list[Row]:
    """Training samples in that order. Test samples are not asked for by their score: only those drawn by chance
    represent the data."""
    ranked = pq.read_table(sources.file("evaluate", "review")).to_pylist()
    suggested = sources.manifests["evaluate"].request["task"]["anomalies"][0]
    return [
        {
            "id": row["id"],
            "use": "training",
            "why": f"{row['detector']}{': ' * bool(row['columns'])}{', '.join(row['columns'])}",
            "suggested class": suggested,
            "confidence": f"{row['score']:.3f}",
            "row": row["row"],
        }
        for row in ranked
        if row["split"] == "train"
    ][:count]


def _to_learn_from(sources: Sources, asking: Asking, seed: int) -> list[Row]:
    """Training samples. cluster: the one of the report, to look at its others; why: of the group that was made for
    this list."""
    given = sources.given
    labelled = sources.table.label[np.asarray(given["row"], dtype=np.int64)] >= 0
    cluster = np.asarray(given["cluster"], dtype=np.int64)
    confidence = np.asarray(given["confidence"], dtype=np.float64)
    many = groups_for(sources.features, labelled, asking.count)
    group = kmeans(sources.features, many, restarts=1, seed=seed).assignment
    return [
        {
            "id": given["id"][i],
            "use": "training",
            "cluster": int(cluster[i]),
            "why": why(group == group[i], confidence, labelled, bool(given["class"][i])),
            "suggested class": given["class"][i] or "",
            "confidence": f"{confidence[i]:.3f}" if given["class"][i] else "",
            "row": int(given["row"][i]),
        }
        for i in rank(sources.features, group, confidence, labelled, asking)
    ]


def why(members: np.ndarray, confidence: np.ndarray, labelled: np.ndarray, named: bool) -> str:
    """members, labelled: [N] bool; named: there are pseudo-labels. The reason in a few words."""
    count, held = int(members.sum()), int((members & labelled).sum())
    if count == 1:
        return "like no other sample"
    known = f"{held} of which have a label" if held else "none of which has a label"
    doubt = f"; {confidence[members].mean():.0%} of their pseudo-labels are expected right" if named else ""
    return f"typical of {counted(count, 'like sample')}, {known}{doubt}"


def write(rows: list[Row], file: Path) -> None:
    """The list as CSV, columns label and annotator empty: filled in and named labels-SOMETHING.csv, it is
    delivered."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(HEADER)
        out.writerows([_plain(row.get(name, "")) for name in HEADER] for row in rows)


def pictures(rows: list[Row], sources: Sources) -> list[dict[str, str]]:
    """Thumbnails of the first of them, with what is asked."""
    return [
        {
            "sample": sources.sheet([row["row"]]),
            "text": f"{row['rank']} · "
            + ("for testing" if row["use"] == "testing" else _cluster(row))
            + (f" · {row['suggested class']}? {row['confidence']}" if row.get("suggested class") else ""),
        }
        for row in rows[:SHOWN]
    ]


def _cluster(row: Row) -> str:
    return f"cluster {row['cluster']}" if "cluster" in row else row["why"]


def _names(sources: Sources, ids: set[str]) -> dict[str, tuple[str, str]]:
    """Id -> name and delivery, as they came."""
    found = {}
    for shard in np.unique(sources.table.shards).tolist():
        there = arrivals(shard, sources.context)
        found.update({id: there[id] for id in ids & there.keys()})
    return found


def _plain(value: Any) -> str:
    """Text that no spreadsheet takes for a formula; labels come back by the id."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
