"""The sections of the page that are about predicted numbers."""

from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.wording import counted
from pipelines.pages import charts, numbers
from pipelines.pages.sources import Sources
from pipelines.pages.wording import amount, percent
from pipelines.registry.number_candidates import TOLD

NAMES = {
    "model": "this model",
    "mean": "the mean of the labels",
    "ridge_plain": "ridge regression on plain features",
    "knn_plain": "nearest labels on plain features",
    "boosting_plain": "gradient boosting",
    "ridge_frozen": "ridge regression on the frozen features",
    "knn_frozen": "nearest labels on the frozen features",
    "alone": "same encoder, labels alone",
    "own": "the method's own network",
}
SHOWN = 12  # samples with the largest errors

Found = dict[str, Any]  # the output of evaluate


def sections(sources: Sources, measured: dict[str, float | None] | None, became: str) -> dict[str, Any]:
    """The names of the template that sections.BLANK leaves empty, and what stands for them.

    Args:
        measured: pseudo-labels against the truth: there are none here. became: what became of the model.
    """
    outputs = sources.outputs
    snapshot, found, tuned = outputs["snapshot"], outputs["evaluate"], outputs["finetune"]
    clusters = outputs["pseudo_label"]["clusters"]
    trained = outputs["pretrain"]["samples"]
    if found["skipped"]:
        return {
            "summary": _data(snapshot, trained)
            + f": {counted(clusters, 'cluster')}, and no regression, because "
            f"{found['skipped']}.",
            "tiles": _counts(snapshot, clusters),
        }
    return {
        "summary": summary(snapshot, found, trained, became),
        "tiles": tiles(snapshot, found, clusters),
        "comparison": comparison(found),
        "comparison_chart": bars(found),
        "over": "over test samples",
        "candidates": candidates(tuned),
        "parts": [predictions(sources, found), residuals(found)],
    }


def summary(snapshot: Found, found: Found, trained: int, became: str) -> str:
    """What happened, in one paragraph. trained: samples, labelled or not."""
    m, best = found["metrics"], found["best_baseline"]
    margin = f"{m['margin']:+.3f} ({m['margin_low']:+.3f} to {m['margin_high']:+.3f} over test samples)"
    return (
        f"{_data(snapshot, trained)}, a model that predicts the target of "
        f"{counted(found['samples'], 'held-out test sample')} with R² {m['r2']:.3f} (95 % interval "
        f"{m['r2_low']:.3f} to {m['r2_high']:.3f}; 1 is perfect, 0 is the mean) and a mean absolute error of "
        f"{amount(m['mae'])}: {margin} against the best baseline, {NAMES[best]}, which had the same labels. {became}"
    )


def _data(snapshot: Found, trained: int) -> str:
    unlabelled = counted(trained - snapshot["labelled"], "unlabelled sample")
    return f"From {unlabelled} and {counted(snapshot['labelled'], 'label')}"


def _counts(snapshot: Found, clusters: int) -> list[dict[str, str]]:
    return [
        {"value": f"{snapshot['samples']:,}", "text": "samples"},
        {"value": f"{snapshot['labelled']:,}", "text": "labels to learn from"},
        {"value": f"{clusters}", "text": "clusters"},
    ]


def tiles(snapshot: Found, found: Found, clusters: int) -> list[dict[str, str]]:
    """The figures at the top."""
    m, rows = found["metrics"], _counts(snapshot, clusters)
    rows += [
        {"value": f"{m['r2']:.3f}", "text": "R²"},
        {"value": f"{m['margin']:+.3f}", "text": "R² against the best baseline"},
        {"value": amount(m["mae"]), "text": "mean absolute error"},
    ]
    if found["coverage"]:
        rows.append({"value": percent(found["coverage"]["value"]), "text": "inside of their interval"})
    return rows


def comparison(found: Found) -> list[dict[str, str]]:
    """Rows of the table of R²: the model first, the others from good to bad."""
    rows = []
    for name in _ordered(found):
        f, d = found["intervals"][name], found["differences"].get(name)
        text = "" if d is None else f"{d['value']:+.3f} ({d['low']:+.3f} to {d['high']:+.3f})"
        rows.append(
            {
                "name": NAMES[name],
                "value": f"{f['value']:.3f}",
                "interval": f"{f['low']:.3f} to {f['high']:.3f}",
                "difference": text,
            }
        )
    return rows


def bars(found: Found) -> str:
    names, values = _ordered(found), found["intervals"]
    value, low, high = ([max(values[name][key], 0.0) for name in names] for key in ("value", "low", "high"))
    said = "R² on the test samples, 95 % interval (below 0 drawn as 0)"
    return charts.bars([NAMES[name] for name in names], value, low, high, said)


def _ordered(found: Found) -> list[str]:
    values = found["intervals"]
    return [
        "model",
        *sorted((name for name in values if name != "model"), key=lambda name: -values[name]["value"]),
    ]


def candidates(tuned: Found) -> list[dict[str, str]]:
    """A row a candidate, the best first, then what is served and why."""
    told = tuned["portfolio"]
    rows = [
        {
            "name": TOLD[row["name"]],
            "text": f"R² {row['r2']:.3f} on held-out labels"
            + (f"; {row['weight']:.0%} of the mean." if row["weight"] else "; no part in what is served."),
        }
        for row in sorted(told["rows"], key=lambda row: -row["r2"])
    ]
    return [*rows, {"name": "served", "text": f"{told['reason']}; R² {told['r2']:.3f} on held-out labels."}]


def predictions(sources: Sources, found: Found) -> dict[str, Any]:
    """The section of predicted against true numbers, and the largest errors one by one."""
    table = pq.read_table(sources.file("evaluate", "predictions"))
    truth, predicted = table["label"].to_numpy(), table["prediction"].to_numpy()
    row_of = {name: row for row, name in enumerate(sources.table.ids.tolist())}
    worst = np.argsort(-np.abs(predicted - truth), kind="stable")[:SHOWN]
    ids = table["id"].to_pylist()
    text = ["Each point is a test sample; on the line the prediction is right."]
    if (cover := found["coverage"]) is not None:
        text.append(
            f"Intervals of ±{amount(found['width'])} around a prediction were promised to hold the true number in "
            f"{percent(found['promised'], 0)} of the samples, and hold it in {percent(cover['value'])} of the test "
            f"samples ({percent(cover['low'])} to {percent(cover['high'])}). Below: the largest errors."
        )
    else:
        text.append("There were too few labels for intervals. Below: the largest errors.")
    return {
        "title": "Predicted and true",
        "text": text,
        "charts": [numbers.scatter(truth, predicted, found["width"]), numbers.errors(predicted - truth)],
        "head": [],
        "rows": [],
        "samples": [
            {
                "sample": sources.sheet([row_of[ids[at]]]),
                "text": f"{amount(truth[at])}, predicted {amount(predicted[at])}",
            }
            for at in worst
        ],
    }


def residuals(found: Found) -> dict[str, Any]:
    """The section of errors by the size of the true number."""
    known = found["coverage"] is not None
    return {
        "title": "Errors by size",
        "text": ["Test samples in ranges of their true number, of about equally many samples each."],
        "charts": [],
        "head": [
            "true number",
            "samples",
            "predicted less true, mean",
            "mean absolute error",
            *(["inside of their interval"] if known else []),
        ],
        "rows": [
            [
                f"{amount(row['low'])} to {amount(row['high'])}",
                f"{row['count']}",
                amount(row["bias"], sign=True),
                amount(row["mae"]),
                *([percent(row["coverage"])] if known else []),
            ]
            for row in found["sizes"]
        ],
        "samples": [],
    }
