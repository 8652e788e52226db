"""One self-contained HTML page: what happened, whether it can be believed, what it gets wrong, where it comes from.

The true labels of unlabelled samples, where there are any (as for the quickstart), serve to measure pseudo-labels here
and nothing else. Letters: N training samples, D features, K clusters.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveInt

from components.config import Config
from components.data.table import Table
from components.errors import UserError
from pipelines.graph import GRAPH
from pipelines.store import Artifact, Context, Manifest, read_manifest, read_metrics

VERSION = 1
CURVES = {  # what is drawn of a stage's step metrics, where it was logged
    "pretrain": (
        "loss/total", "diagnostics/rank", "diagnostics/spread", "objective/prototype_perplexity", "objective/nmi",
        "samples_per_second",
    ),
    "finetune": ("finetune/loss/total", "finetune/loss/mask", "finetune/loss/consistency"),
}  # fmt: skip


with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # hides ABCMeta.register, which nobody calls

    class Request(Config):
        """truth: Parquet (id, label) of samples that nobody labelled, to measure with. points: in the embedding map.
        clusters: sheets shown, the largest ones. thumbnails: a sheet."""

        ingest: str
        snapshot: str
        pretrain: str
        embed: str
        pseudo_label: str
        finetune: str
        evaluate: str
        register: str
        promote: str
        truth: str | None = None
        points: PositiveInt = 1000
        clusters: PositiveInt = 24
        thumbnails: PositiveInt = 16
        seed: NonNegativeInt = 0


class Output(Config):
    """kept_accuracy, all_accuracy: of pseudo-labels against the truth, None where that is not known."""

    page: Artifact
    summary: str
    kept_accuracy: float | None = None
    all_accuracy: float | None = None


Outputs = dict[str, dict[str, Any]]


def run(request: Request, folder: Path, context: Context) -> Output:
    from pipelines.reporting import story
    from pipelines.reporting.page import render

    manifests = {
        stage: read_manifest(getattr(request, stage), context.store) for stage in GRAPH if stage != "report"
    }
    outputs = {stage: manifest.output for stage, manifest in manifests.items()}
    snapshot, found, promoted = outputs["snapshot"], outputs["evaluate"], outputs["promote"]
    table = Table.load(_file(request, context, outputs, "snapshot", "table"))
    images = np.load(_file(request, context, outputs, "snapshot", "images"), mmap_mode="r")
    given = pq.read_table(_file(request, context, outputs, "pseudo_label", "pseudo_labels")).to_pydict()
    truth = _truth(request.truth, given)
    measured, coverage = _measure(given, truth, bool(outputs["pseudo_label"]["named"]))
    context.progress(0.2, "drawing")
    summary = story.summary(snapshot, found, promoted, outputs["pseudo_label"]["clusters"])
    rated = not found["skipped"]
    values = {
        "title": f"{context.recipe}: what the labels and the unlabelled data gave",
        "subtitle": f"data version {snapshot['version']} · run {context.run}",
        "summary": summary,
        "tiles": _tiles(snapshot, found, outputs["pseudo_label"], measured),
        "labels": snapshot["labelled"],
        "tests": f"{found['samples']:,}",
        "comparison": story.comparison(found) if rated else [],
        "comparison_chart": _bars(found) if rated else "",
        "checks": story.check_rows(promoted["checks"]),
        "decision": promoted["reason"] or promoted["skipped"] or "",
        "pretraining": story.pretraining(outputs["pretrain"], found["health"]),
        "curves": _curves(request, context, manifests),
        "maps": _maps(request, context, outputs, given),
        "clustering": story.clustering(outputs["pseudo_label"], measured),
        "coverage": coverage,
        "sheets": _sheets(request, context, outputs, images, given, truth),
        "classes": story.class_rows(found["per_class"]),
        "mistakes": _mistakes(request, context, outputs, images, table) if rated else [],
        **_judgement(found, list(snapshot["classes"]), rated),
        "lineage": _lineage(context, manifests),
        "stages": [
            {"stage": stage, "reference": getattr(request, stage), "seconds": f"{manifest.seconds:.1f}"}
            for stage, manifest in manifests.items()
        ],
        "recipe": yaml.safe_dump({s: m.given for s, m in manifests.items()}, sort_keys=False),
    }
    page = folder / "report.html"
    page.write_text(render(values), encoding="utf-8")
    context.say(summary)
    return Output(
        page=Artifact.of(page, folder),
        summary=summary,
        kept_accuracy=measured.get("kept_accuracy") if measured else None,
        all_accuracy=measured.get("all_accuracy") if measured else None,
    )


def _file(request: Request, context: Context, outputs: Outputs, stage: str, name: str) -> Path:
    return context.file(getattr(request, stage), Artifact.model_validate(outputs[stage][name]))


def _truth(path: str | None, given: dict[str, list[Any]]) -> dict[str, str]:
    """Id -> true class, of the samples that have a pseudo-label and none by a person."""
    if path is None:
        return {}
    if not Path(path).is_file():
        raise UserError(f"report.truth names {path}, which does not exist; correct it or leave it out")
    known = pq.read_table(path, columns=["id", "label"]).to_pydict()
    asked = {i for i, source in zip(given["id"], given["source"], strict=True) if source != "label"}
    return {i: label for i, label in zip(known["id"], known["label"], strict=True) if i in asked}


def _measure(
    given: dict[str, list[Any]], truth: dict[str, str], named: bool
) -> tuple[dict[str, float] | None, str]:
    from pipelines.reporting import charts

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
    figures = {
        "known": float(len(chosen)),
        "all_accuracy": float(right.mean()),
        "kept_share": float(kept.mean()),
    }
    if kept.any():
        figures["kept_accuracy"] = float(right[kept].mean())
    return {"kept_accuracy": float("nan"), **figures}, chart


def _tiles(
    snapshot: dict[str, Any],
    found: dict[str, Any],
    labelled: dict[str, Any],
    measured: dict[str, float] | None,
) -> list[dict[str, str]]:
    from pipelines.reporting.story import percent

    tiles = [
        {"value": f"{snapshot['samples']:,}", "text": "samples"},
        {"value": f"{snapshot['labelled']:,}", "text": "labels to learn from"},
        {"value": f"{labelled['clusters']}", "text": "clusters"},
    ]
    if not found["skipped"]:
        m = found["metrics"]
        tiles += [
            {"value": percent(m["accuracy"]), "text": "accuracy"},
            {"value": f"{100 * m['margin']:+.1f}", "text": "points over the better baseline"},
            {"value": f"{m['ece']:.3f}", "text": "calibration error"},
        ]
    if measured and "kept_accuracy" in measured:
        tiles.append({"value": percent(measured["kept_accuracy"]), "text": "of kept pseudo-labels are right"})
    return tiles


def _bars(found: dict[str, Any]) -> str:
    from pipelines.reporting import charts, story

    values = found["intervals"]
    names = ["model", *sorted((n for n in values if n != "model"), key=lambda n: -values[n]["value"])]
    return charts.bars(
        [story.NAMES[n] for n in names],
        [values[n]["value"] for n in names],
        [values[n]["low"] for n in names],
        [values[n]["high"] for n in names],
    )


def _curves(request: Request, context: Context, manifests: dict[str, Manifest]) -> list[str]:
    from pipelines.reporting import charts

    drawn = []
    for stage, names in CURVES.items():
        records = read_metrics(context.store / getattr(request, stage))
        for name in names:
            points = [(r["step"], r[name]) for r in records if name in r]
            if len(points) > 1:
                steps, values = zip(*points, strict=True)
                healthy = _healthy(name)
                drawn.append(charts.curve(steps, values, f"{stage}: {readable(name)}", healthy))
    return drawn


def readable(name: str) -> str:
    return name.rpartition("/")[2].replace("_", " ").replace("total", "loss")


def _healthy(name: str) -> tuple[float, str] | None:
    """A level beside a curve: what an even spread would be, what a collapse would be."""
    if name == "diagnostics/spread":
        return 1.0, "even spread"
    return (1.0, "collapse") if name == "diagnostics/rank" else None


def _maps(request: Request, context: Context, outputs: Outputs, given: dict[str, list[Any]]) -> list[str]:
    from sklearn.manifold import TSNE

    from pipelines.reporting import charts

    features = np.load(_file(request, context, outputs, "embed", "features"), mmap_mode="r")
    rng = np.random.default_rng(request.seed)
    chosen = np.sort(rng.permutation(len(given["row"]))[: request.points])
    if len(chosen) < 10:
        return []
    x = np.asarray(features[np.asarray(given["row"])[chosen]], dtype=np.float64)
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    perplexity = min(30.0, (len(chosen) - 1) / 3)
    points = TSNE(random_state=request.seed, init="pca", perplexity=perplexity, max_iter=500).fit_transform(x)
    clusters = [f"{given['cluster'][i]:04d}" for i in chosen]
    drawn = [charts.scatter(points, clusters, "features of training samples, by cluster", legend=False)]
    if outputs["pseudo_label"]["named"]:
        classes = [given["class"][i] or "" for i in chosen]
        drawn.append(
            charts.scatter(points, classes, "the same, by pseudo-label", legend=len(set(classes)) <= 12)
        )
    return drawn


def _sheets(
    request: Request,
    context: Context,
    outputs: Outputs,
    images: NDArray[np.uint8],
    given: dict[str, list[Any]],
    truth: dict[str, str],
) -> list[dict[str, Any]]:
    """The largest clusters, with their class and how pure they are, by truth where known, else by pseudo-label."""
    from pipelines.reporting import sheets

    labelled = outputs["pseudo_label"]
    features = np.load(_file(request, context, outputs, "embed", "features"), mmap_mode="r")
    centroids = np.load(_file(request, context, outputs, "pseudo_label", "centroids"))
    centre = np.load(_file(request, context, outputs, "pseudo_label", "centre"))
    cluster, rows = np.asarray(given["cluster"]), np.asarray(given["row"])
    ids, counts = np.unique(cluster, return_counts=True)
    shown = []
    for name in ids[np.argsort(-counts, kind="stable")][: request.clusters]:
        members = np.flatnonzero(cluster == name)
        x = np.asarray(features[rows[members]]) - centre
        near = x @ centroids[labelled["cluster_ids"].index(int(name))]
        near = near / np.maximum(np.linalg.norm(x, axis=1), 1e-12)
        picked = sheets.typical(near, members, request.thumbnails)
        text = f"{len(members):,} samples"
        if label := labelled["cluster_class"].get(str(name)):
            text += f" · {label}"
            known = [truth[given["id"][i]] == label for i in members if given["id"][i] in truth]
            same = [given["class"][i] == label for i in members]
            text += (
                f" · {np.mean(known):.0%} pure" if known else f" · {np.mean(same):.0%} of one pseudo-label"
            )
        columns = min(8, request.thumbnails)
        shown.append(
            {"cluster": int(name), "text": text, "image": sheets.strip(images[rows[picked]], columns)}
        )
    return shown


def _mistakes(
    request: Request, context: Context, outputs: Outputs, images: NDArray[np.uint8], table: Table
) -> list[dict[str, str]]:
    from pipelines.reporting import sheets

    answers = pq.read_table(_file(request, context, outputs, "evaluate", "predictions")).to_pandas()
    wrong = answers[answers["label"] != answers["class"]].sort_values("confidence", ascending=False).head(12)
    row_of = {name: row for row, name in enumerate(table.ids)}
    return [
        {
            "image": sheets.strip(images[[row_of[answer["id"]]]], 1),
            "text": f"{answer['label']}, taken for {answer['class']} ({answer['confidence']:.2f})",
        }
        for _, answer in wrong.iterrows()
    ]


def _judgement(found: dict[str, Any], classes: list[str], rated: bool) -> dict[str, str]:
    from pipelines.reporting import charts

    if not rated:
        return {"confusion": "", "reliability": "", "calibration": ""}
    full = [b for b in found["reliability"] if b["count"]]
    total = sum(b["count"] for b in full)
    m = found["metrics"]
    return {
        "confusion": charts.confusion(found["confusion"], classes),
        "reliability": charts.reliability(
            [b["confidence"] for b in full],
            [b["accuracy"] for b in full],
            [b["count"] / total for b in full],
        ),
        "calibration": f"On average its confidence is off by {m['ece']:.3f} (expected calibration error; "
        f"{m['ece_before']:.3f} before the temperature of {m['temperature']:.2f} was fitted on the labels).",
    }


def _lineage(context: Context, manifests: dict[str, Manifest]) -> list[tuple[str, str]]:
    from pipelines.code import ROOT
    from pipelines.provenance import git_commit, lock_hash

    register = manifests["register"].output
    model = f"{register['name']} version {register['version']}" if register["version"] else "none registered"
    return [
        ("model", model),
        ("model's digest", str(register["digest"])),
        ("data version (DVC)", str(manifests["snapshot"].output["version"])),
        ("recipe", context.recipe),
        ("git commit", git_commit(ROOT)),
        ("lock file", lock_hash(ROOT)),
        ("seeds", ", ".join(f"{s} {m.given['seed']}" for s, m in manifests.items() if "seed" in m.given)),
    ]
