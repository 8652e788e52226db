"""What to label next, for a person: a CSV file that comes back through the inbox, and the samples in the report."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from components.clustering.kmeans import kmeans
from components.data.shards import Index, read_shards
from components.evaluation.ask import Asking, groups_for, rank
from pipelines.reporting import sheets
from pipelines.reporting.sources import Sources

HEADER = (
    "rank", "id", "name", "delivery", "cluster", "why", "suggested class", "confidence", "label", "annotator",
)  # fmt: skip
SHOWN = 24  # with a thumbnail

Row = dict[str, Any]


def to_label(sources: Sources, asking: Asking, seed: int = 0) -> list[Row]:
    """The samples to ask for, the best first: the columns of the CSV file, and `row` of the packed array.

    cluster: the one of the report, to look at its others; why: of the group that was made for this list.
    Only training samples have a pseudo-label, so no test sample is ever asked for.
    """
    given = sources.given
    labelled = np.array([source == "label" for source in given["source"]], dtype=bool)
    cluster = np.asarray(given["cluster"], dtype=np.int64)
    confidence = np.asarray(given["confidence"], dtype=np.float64)
    many = groups_for(sources.features, labelled, asking.count)
    group = kmeans(sources.features, many, restarts=1, seed=seed).assignment
    chosen = rank(sources.features, group, confidence, labelled, asking)
    names = _names(sources, {given["id"][i] for i in chosen})
    return [
        {
            "rank": place,
            "id": given["id"][i],
            "name": names.get(given["id"][i], ("", ""))[0],
            "delivery": names.get(given["id"][i], ("", ""))[1],
            "cluster": int(cluster[i]),
            "why": why(group == group[i], confidence, labelled, bool(given["class"][i])),
            "suggested class": given["class"][i] or "",
            "confidence": f"{confidence[i]:.3f}" if given["class"][i] else "",
            "row": int(given["row"][i]),
        }
        for place, i in enumerate(chosen, start=1)
    ]


def why(members: np.ndarray, confidence: np.ndarray, labelled: np.ndarray, named: bool) -> str:
    """members, labelled: [N] bool; named: there are pseudo-labels. The reason in a few words."""
    count, held = int(members.sum()), int((members & labelled).sum())
    known = f"{held} of which have a label" if held else "none of which has a label"
    doubt = f"; {confidence[members].mean():.0%} of their pseudo-labels are expected right" if named else ""
    return f"typical of {count} like samples, {known}{doubt}"


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
            "image": sheets.strip(sources.images[[row["row"]]], 1),
            "text": f"{row['rank']} · cluster {row['cluster']}"
            + (f" · {row['suggested class']}? {row['confidence']}" if row["suggested class"] else ""),
        }
        for row in rows[:SHOWN]
    ]


def _names(sources: Sources, ids: set[str]) -> dict[str, tuple[str, str]]:
    """Id -> name and delivery, as they came."""
    folder = sources.context.settings.data / sources.context.recipe
    if not (folder / "index.json").is_file():
        return {}  # the data were taken away: an id is enough for the labels to come back by
    found = {}
    for _, batch in read_shards(folder, Index.load(folder), ["id", "name", "delivery"]):
        for id, name, delivery in zip(batch["id"], batch["name"], batch["delivery"], strict=True):
            if id in ids:
                found[id] = (name, delivery)
    return found


def _plain(value: Any) -> str:
    """Text that no spreadsheet takes for a formula; labels come back by the id."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
