"""The sections of the page that are about anomalies: how good the ranking is, what the alarms find, what to review."""

from typing import Any

import pyarrow.parquet as pq

from components.evaluation.anomaly.intervals import FEW
from components.wording import counted
from pipelines.pages.sources import Sources
from pipelines.pages.wording import percent

SHOWN = 24  # samples of the ranked list
NAMES = {
    "model": "this model",
    "isolation_forest": "isolation forest on plain features",
    "ecod": "ECOD on plain features",
    "isolation_forest_numbers": "isolation forest on the numbers alone",
    "ecod_numbers": "ECOD on the numbers alone",
}

Found = dict[str, Any]  # the output of evaluate
Part = dict[str, Any]


def sections(sources: Sources, measured: dict[str, float | None] | None, became: str) -> dict[str, Any]:
    """The names of the template that sections.BLANK leaves empty, and what stands for them.

    Args:
        measured: pseudo-labels against the truth: this task has none. became: what became of the model.
    """
    outputs = sources.outputs
    snapshot, tuned, found = outputs["snapshot"], outputs["finetune"], outputs["evaluate"]
    parts = [] if found["skipped"] else [*_figures(found), _threshold(tuned, found), *_review(sources, found)]
    return {
        "summary": summary(snapshot, tuned, found, became),
        "tiles": tiles(snapshot, found),
        "parts": parts,
    }


def summary(snapshot: Found, tuned: Found, found: Found, became: str) -> str:
    """What happened, in one paragraph."""
    if found["skipped"]:
        return f"From {counted(snapshot['samples'], 'sample')} no detectors, because of {found['skipped']}."
    data = f"From {counted(tuned['samples'], 'training sample')}, {counted(tuned['anomalies'], 'labelled anomaly')}"
    if found["unmeasured"]:
        return f"{data}: a ranking, of which {found['unmeasured']}. {became}"
    m, best = found["metrics"], found["best_baseline"]
    interval, margin = (
        f"{m[f'{name}_low']:.3f} to {m[f'{name}_high']:.3f}" for name in ("average_precision", "margin")
    )
    return (
        f"{data}: average precision {m['average_precision']:.3f} on "
        f"{counted(found['samples'], 'labelled test sample')} (95 % interval {interval}), "
        f"{m['margin']:+.3f} ({margin}) against the best baseline, {NAMES[best]}. {became}"
    )


def tiles(snapshot: Found, found: Found) -> list[dict[str, str]]:
    """The figures at the top."""
    rows = [
        {"value": f"{snapshot['samples']:,}", "text": "samples"},
        {"value": f"{snapshot['labelled']:,}", "text": "labels to learn from"},
    ]
    if m := found["metrics"]:
        rows += [
            {"value": f"{m['average_precision']:.3f}", "text": "average precision"},
            _alarmed_tile(m),
        ]
        if "false_alarm_rate" in m:
            rows.append({"value": percent(m["false_alarm_rate"], 2), "text": "of normal samples reported"})
    return rows


def _alarmed_tile(m: Found) -> dict[str, str]:
    """How many anomalies there are alarms for: above the threshold, without one in the budget; few of them in numbers,
    as a share of few promises more than it can."""
    share, count = m.get("recall", m["recall_at_budget"]), m["anomalies"]
    where = "above the threshold" if "recall" in m else f"in {counted(int(m['budget']), 'alarm')}"
    if count < FEW:
        return {"value": f"{round(share * count)} of {count:.0f}", "text": f"anomalies {where}"}
    return {"value": percent(share), "text": f"of the anomalies {where}"}


def _figures(found: Found) -> list[Part]:
    """Average precision beside the baselines and of each detector; nothing where it could not be measured."""
    if found["unmeasured"]:
        return [_part("How good is it?", [f"{found['unmeasured'][:1].upper()}{found['unmeasured'][1:]}."])]
    values, m = found["intervals"], found["metrics"]
    others = sorted((name for name in values if name != "model"), key=lambda name: -values[name]["value"])
    rows = [_row(name, values[name], found["differences"].get(name)) for name in ["model", *others]]
    text = (
        f"Average precision over {m['anomalies']:.0f} anomalies and {m['normals']:.0f} normal test samples. A ranking "
        f"by chance has {m['anomalies'] / (m['anomalies'] + m['normals']):.3f}. The last column is the model less that "
        "row, on the same samples, with a 95 % interval over test samples."
    )
    if m["anomalies"] < FEW:
        text += (
            f" {m['anomalies']:.0f} anomalies are few: the interval of an average precision is at least that of a share"
            " of so many (Wilson)."
        )
    head = ["what", "average precision", "95 % interval", "model less this"]
    each = sorted(found["detectors"].items(), key=lambda one: -one[1])
    return [
        _part("How good is it?", [text], head, rows),
        _part(
            "Its detectors", ["Each detector alone, on the same samples; the model ranks by all of them together."],
            ["detector", "average precision"], [[name, f"{value:.3f}"] for name, value in each],
        ),
    ]  # fmt: skip


def _row(name: str, figure: Found, over: Found | None) -> list[str]:
    difference = "" if over is None else f"{over['value']:+.3f} ({over['low']:+.3f} to {over['high']:+.3f})"
    return [NAMES[name], f"{figure['value']:.3f}", f"{figure['low']:.3f} to {figure['high']:.3f}", difference]


def _threshold(tuned: Found, found: Found) -> Part:
    """Where the threshold comes from, and what lies above it."""
    text, m = [f"{tuned['note'][:1].upper()}{tuned['note'][1:]}."], found["metrics"]
    if found["alarm_rate"] is not None:
        text.append(f"Of all test samples {percent(found['alarm_rate'], 2)} are above it.")
    rows = [
        [f"of all test samples the {m['budget']:.0f} with the highest scores", percent(m["precision_at_budget"]),
         percent(m["recall_at_budget"])],
    ] if m else []  # fmt: skip
    if "precision" in m:
        rows.append(["above the threshold", percent(m["precision"]), percent(m["recall"])])
        text.append(f"Of the normal test samples {percent(m['false_alarm_rate'], 2)} are above it.")
    return _part("Alarms", text, ["alarms", "of them anomalies", "of all anomalies"], rows)


def _review(sources: Sources, found: Found) -> list[Part]:
    """The samples without a label that are ranked highest."""
    listed = pq.read_table(sources.file("evaluate", "review")).to_pylist()
    if not listed:
        return []
    text = (
        f"The {min(SHOWN, len(listed))} samples without a label that are ranked highest, of {len(listed)} in "
        "review.parquet of the run of evaluate. Verdicts come back as labels: fill in the list that follows."
    )
    shown = [
        {
            "sample": sources.sheet([row["row"]]),
            "text": f"{row['rank']} · score {row['score']:.4f} · {row['detector']}"
            + (f" · rare: {', '.join(row['columns'])}" if row["columns"] else ""),
        }
        for row in listed[:SHOWN]
    ]
    return [{**_part("Ranked for review", [text]), "samples": shown}]


def _part(
    title: str, text: list[str], head: list[str] | None = None, rows: list[list[str]] | None = None
) -> Part:
    return {"title": title, "text": text, "charts": [], "head": head or [], "rows": rows or [], "samples": []}
