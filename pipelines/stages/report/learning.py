"""What was learnt without labels: curves of the training, and a map of the embedding."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.evaluation.representation.collapse import levels
from pipelines.engine.context import read_metrics
from pipelines.pages import charts
from pipelines.pages.embedding_map import Point, embedding_map
from pipelines.pages.sources import Sources

PREVIEWS = 1_500_000  # bytes of HTML of the samples that the map shows
CURVES = {  # what is drawn of a stage's step metrics, where it was logged
    "pretrain": (
        "loss/total", "diagnostics/rank", "diagnostics/lidar", "diagnostics/spread",
        "diagnostics/embedding_spread", "diagnostics/decay",
        "diagnostics/correlation", "diagnostics/alignment", "diagnostics/uniformity", "diagnostics/churn",
        "objective/prototype_perplexity", "objective/teacher_entropy", "objective/nmi", "samples_per_second",
    ),
    "finetune": (
        "finetune/loss/total", "finetune/loss/mask", "finetune/loss/consistency", "distill/loss/distillation",
    ),
}  # fmt: skip

TITLES = {
    "rank": "effective rank (RankMe)", "lidar": "directions that tell samples apart (LiDAR)",
    "decay": "decay of the spectrum (alpha-ReQ)", "correlation": "correlation of features",
    "churn": "churn since the last look",
}  # fmt: skip


def curves(sources: Sources) -> list[str]:
    """A chart for each figure that was logged at more than one step."""
    drawn, size = [], sources.outputs["pretrain"].get("feature_dim", 1)
    for stage, names in CURVES.items():
        records = read_metrics(sources.context.store / sources.references[stage])
        for name in names:
            points = [(r["step"], r[name]) for r in records if name in r]
            if len(points) > 1:
                steps, values = zip(*points, strict=True)
                drawn.append(
                    charts.curve(steps, values, f"{stage}: {readable(name)}", beside(name, values, size))
                )
    return drawn


def map_of(sources: Sources, points: int, seed: int) -> str:
    """The embedding of some training samples in two dimensions as HTML, coloured by pseudo-label, where there are any,
    or cluster; empty where there are too few. Samples are shown as far as PREVIEWS bytes reach."""
    from sklearn.manifold import TSNE

    given: dict[str, list[Any]] = sources.given
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(given["row"]))[:points])
    if len(chosen) < 10:
        return ""
    x = sources.features[chosen].astype(np.float64)
    perplexity = min(30.0, (len(chosen) - 1) / 3)
    flat = TSNE(random_state=seed, init="pca", perplexity=perplexity, max_iter=500).fit_transform(x)
    named, left = sources.outputs["pseudo_label"]["named"], PREVIEWS
    shown = []
    for i in chosen:
        groups = {"pseudo-label": given["class"][i] or ""} if named else {}
        sample = sources.sheet([given["row"][i]]) if left > 0 else ""
        left -= len(sample)
        shown.append(Point(given["id"][i][:12], sample, {**groups, "cluster": str(given["cluster"][i])}))
    return embedding_map(flat, shown, "features of training samples in two dimensions (t-SNE)")


def readable(name: str) -> str:
    figure = name.rpartition("/")[2]
    return TITLES.get(figure, figure.replace("_", " ").replace("total", "loss"))


def beside(name: str, values: Sequence[float], dimensions: int) -> list[tuple[float, str]]:
    """Levels to draw beside a curve: what a collapse would be, and what is healthy.

    One that lies three times as far up as the curve reaches is left out: it would flatten the curve.
    """
    group, _, figure = name.rpartition("/")
    level = levels(dimensions).get(figure) if group == "diagnostics" else None
    if level is None:
        return []
    found = [(level.collapsed, "collapsed"), (level.healthy, "healthy")]
    reach = 3 * max(abs(value) for value in values)
    return [(value, word) for value, word in found if value is not None and abs(value) <= max(reach, 1.0)]
