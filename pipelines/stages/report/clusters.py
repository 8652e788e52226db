"""Clusters and pseudo-labels: what they look like, and what they are worth where the truth is known."""

from typing import Any

import numpy as np

from components.wording import counted
from pipelines.pages import charts
from pipelines.pages.sources import Columns, Sources
from pipelines.pages.typical import typical


def measure(given: Columns, truth: dict[str, str], named: bool) -> tuple[dict[str, float | None] | None, str]:
    """Figures of the pseudo-labels against the truth, and the chart of share right by share kept."""
    if not truth or not named:
        return None, ""
    chosen = [i for i, name in enumerate(given["id"]) if name in truth]
    right = np.array([given["class"][i] == truth[given["id"][i]] for i in chosen])
    kept = np.array([bool(given["kept"][i]) for i in chosen])
    order = np.argsort(-np.array([given["confidence"][i] for i in chosen]), kind="stable")
    share = np.arange(1, len(order) + 1) / len(order)
    rising = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    thin = np.unique(np.linspace(min(50, len(order) - 1), len(order) - 1, 200).astype(int))
    chart = charts.coverage({"pseudo-labels, surest first": (share[thin], rising[thin])})
    figures: dict[str, float | None] = {
        "known": float(len(chosen)),
        "all_accuracy": float(right.mean()),
        "kept_share": float(kept.mean()),
        "kept_accuracy": float(right[kept].mean()) if kept.any() else None,
    }
    return figures, chart


def shown(sources: Sources, truth: dict[str, str], clusters: int, thumbnails: int) -> list[dict[str, Any]]:
    """The largest clusters, with their class and how pure they are, by truth where known, else by pseudo-label."""
    given, labelled = sources.given, sources.outputs["pseudo_label"]
    centroids = np.load(sources.file("pseudo_label", "centroids"))
    cluster, rows = np.asarray(given["cluster"]), np.asarray(given["row"])
    ids, counts = np.unique(cluster, return_counts=True)
    found = []
    for name in ids[np.argsort(-counts, kind="stable")][:clusters]:
        members = np.flatnonzero(cluster == name)
        near = sources.features[members] @ centroids[labelled["cluster_ids"].index(int(name))]
        picked = typical(near, members, thumbnails)
        sheet = sources.sheet(rows[picked].tolist(), min(8, thumbnails))
        found.append(
            {"cluster": int(name), "text": _text(sources, truth, str(name), members), "samples": sheet}
        )
    return found


def _text(sources: Sources, truth: dict[str, str], name: str, members: Any) -> str:
    given, label = sources.given, sources.outputs["pseudo_label"]["cluster_class"].get(name)
    text = counted(len(members), "sample")
    if not label:
        return text
    known = [truth[given["id"][i]] == label for i in members if given["id"][i] in truth]
    same = [given["class"][i] == label for i in members]
    pure = f"{np.mean(known):.0%} pure" if known else f"{np.mean(same):.0%} of one pseudo-label"
    return f"{text} · {label} · {pure}"
