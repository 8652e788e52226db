"""What the model gets right and wrong on the test samples, beside its baselines."""

from typing import Any

import pyarrow.parquet as pq

from components.wording import counted
from pipelines.pages import charts, summary
from pipelines.pages.sources import Sources
from pipelines.pages.wording import percent

MISTAKES = 12  # shown

Found = dict[str, Any]  # the output of evaluate


def bars(found: Found) -> str:
    values = found["intervals"]
    names = ["model", *sorted((n for n in values if n != "model"), key=lambda n: -values[n]["value"])]
    value, low, high = ([values[n][key] for n in names] for key in ("value", "low", "high"))
    return charts.bars([summary.NAMES[n] for n in names], value, low, high)


def mistakes(sources: Sources) -> list[dict[str, str]]:
    """The surest ones."""
    answers = pq.read_table(sources.file("evaluate", "predictions")).to_pandas()
    wrong = answers[answers["label"] != answers["class"]].sort_values("confidence", ascending=False)
    row_of = {name: row for row, name in enumerate(sources.table.ids)}
    return [
        {
            "sample": sources.sheet([row_of[answer["id"]]]),
            "text": f"{answer['label']}, taken for {answer['class']} ({answer['confidence']:.2f})",
        }
        for _, answer in wrong.head(MISTAKES).iterrows()
    ]


def judgement(found: Found, tuned: Found, classes: list[str]) -> dict[str, Any]:
    """Confusion and reliability, as charts, and a sentence; empty where there is no classifier. tuned: the output of
    finetune."""
    if found["skipped"]:
        return {"confusion": "", "reliability": "", "calibration": "", "explained": []}
    full = [b for b in found["reliability"] if b["count"]]
    total = sum(b["count"] for b in full)
    return {
        "confusion": charts.confusion(found["confusion"], classes),
        "reliability": charts.reliability(
            [b["confidence"] for b in full],
            [b["accuracy"] for b in full],
            [b["count"] / total for b in full],
        ),
        "calibration": calibration(found["metrics"], tuned.get("validated"), tuned.get("agreement")),
        "explained": explained(found, tuned),
    }


def explained(found: Found, tuned: Found) -> list[dict[str, str]]:
    """What each figure that stands for accuracy or confidence means, a line each; those that there are."""
    labels = counted(tuned.get("validated") or 0, "label")
    figures: list[tuple[str, float | None, str]] = [
        (
            "accuracy",
            found["metrics"]["accuracy"],
            f"share of the {counted(found['samples'], 'test sample')} named rightly; none of them was trained on",
        ),
        (
            "cross-fitted accuracy",
            tuned.get("validation"),
            f"the same of {labels} of the training set, each named by a shorter training that had not seen it: what "
            "settings are chosen by",
        ),
        (
            "accuracy of the head",
            tuned.get("head_validation"),
            "the same for the first step alone, a linear head on the frozen encoder: what training all layers adds to",
        ),
    ]
    rows = [
        {"name": name, "value": percent(value), "text": text}
        for name, value, text in figures
        if value is not None
    ]
    if (temperature := found["metrics"].get("temperature")) is not None:
        text = "scores are divided by it before they become confidence: above 1 less sure, below 1 surer, same answers"
        rows.append({"name": "temperature", "value": f"{temperature:.2f}", "text": text})
    return rows


def calibration(metrics: dict[str, float], held: int | None, agreement: float | None) -> str:
    """How far confidence can be trusted, and what it rests on. held: labels that were held out in turn. agreement:
    share of samples that the labels alone name alike."""
    rests = [f"{counted(held, 'label')} held out in turn"] if held else []
    if agreement is not None:
        rests.append(
            f"a second model, of the labels alone, which names {percent(agreement)} of the samples alike"
        )
    text = f"On average its confidence is off by {metrics['ece']:.3f} (expected calibration error"
    if rests:
        text += f"; {metrics['ece_before']:.3f} before the temperature of {metrics['temperature']:.2f}, which rests on "
    text += " and ".join(rests) + ")."
    return text if held else f"{text} A second label a class lets labels be held out, which is firmer."
