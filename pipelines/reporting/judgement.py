"""What the model gets right and wrong on the test samples, beside its baselines."""

from typing import Any

import pyarrow.parquet as pq

from pipelines.reporting import charts, sheets, story
from pipelines.reporting.sources import Sources
from pipelines.wording import counted, percent

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


def judgement(found: Found, tuned: Found, classes: list[str]) -> dict[str, str]:
    """Confusion and reliability, as charts, and a sentence; empty where there is no classifier. tuned: the output of
    finetune."""
    if found["skipped"]:
        return {"confusion": "", "reliability": "", "calibration": ""}
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
    }


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
