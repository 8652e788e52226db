"""What the model gets right and wrong on the test samples, beside its baselines."""

from typing import Any

import pyarrow.parquet as pq

from pipelines.reporting import charts, sheets, story
from pipelines.reporting.sources import Sources

MISTAKES = 12  # shown

Found = dict[str, Any]  # the output of evaluate


def bars(found: Found) -> str:
    values = found["intervals"]
    names = ["model", *sorted((n for n in values if n != "model"), key=lambda n: -values[n]["value"])]
    return charts.bars(
        [story.NAMES[n] for n in names],
        *([values[n][key] for n in names] for key in ("value", "low", "high")),
    )


def mistakes(sources: Sources) -> list[dict[str, str]]:
    """The surest ones."""
    answers = pq.read_table(sources.file("evaluate", "predictions")).to_pandas()
    wrong = answers[answers["label"] != answers["class"]].sort_values("confidence", ascending=False)
    row_of = {name: row for row, name in enumerate(sources.table.ids)}
    return [
        {
            "image": sheets.strip(sources.images[[row_of[answer["id"]]]], 1),
            "text": f"{answer['label']}, taken for {answer['class']} ({answer['confidence']:.2f})",
        }
        for _, answer in wrong.head(MISTAKES).iterrows()
    ]


def judgement(found: Found, classes: list[str]) -> dict[str, str]:
    """Confusion and reliability, as charts, and a sentence; empty where there is no classifier."""
    if found["skipped"]:
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
