"""What was learnt without labels: curves of the training, and maps of the embedding."""

from typing import Any

import numpy as np

from pipelines.reporting import charts
from pipelines.reporting.sources import Sources
from pipelines.store import read_metrics

CURVES = {  # what is drawn of a stage's step metrics, where it was logged
    "pretrain": (
        "loss/total", "diagnostics/rank", "diagnostics/spread", "objective/prototype_perplexity", "objective/nmi",
        "samples_per_second",
    ),
    "finetune": ("finetune/loss/total", "finetune/loss/mask", "finetune/loss/consistency"),
}  # fmt: skip


def curves(sources: Sources) -> list[str]:
    """A chart for each figure that was logged at more than one step."""
    drawn = []
    for stage, names in CURVES.items():
        records = read_metrics(sources.context.store / sources.references[stage])
        for name in names:
            points = [(r["step"], r[name]) for r in records if name in r]
            if len(points) > 1:
                steps, values = zip(*points, strict=True)
                drawn.append(charts.curve(steps, values, f"{stage}: {readable(name)}", _healthy(name)))
    return drawn


def maps(sources: Sources, points: int, seed: int) -> list[str]:
    """The embedding of some training samples in two dimensions, by cluster, and by pseudo-label where there are."""
    from sklearn.manifold import TSNE

    given: dict[str, list[Any]] = sources.given
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(given["row"]))[:points])
    if len(chosen) < 10:
        return []
    x = sources.features[chosen].astype(np.float64)
    perplexity = min(30.0, (len(chosen) - 1) / 3)
    flat = TSNE(random_state=seed, init="pca", perplexity=perplexity, max_iter=500).fit_transform(x)
    clusters = [f"{given['cluster'][i]:04d}" for i in chosen]
    drawn = [charts.scatter(flat, clusters, "features of training samples, by cluster", legend=False)]
    if sources.outputs["pseudo_label"]["named"]:
        classes = [given["class"][i] or "" for i in chosen]
        few = len(set(classes)) <= 12
        drawn.append(charts.scatter(flat, classes, "the same, by pseudo-label", legend=few))
    return drawn


def readable(name: str) -> str:
    return name.rpartition("/")[2].replace("_", " ").replace("total", "loss")


def _healthy(name: str) -> tuple[float, str] | None:
    """A level beside a curve: what an even spread would be, what a collapse would be."""
    if name == "diagnostics/spread":
        return 1.0, "even spread"
    return (1.0, "collapse") if name == "diagnostics/rank" else None
