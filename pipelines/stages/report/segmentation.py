"""The sections of the page that are about masks: how good they are, class by class, and some beside the truth."""

from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.data.masks import from_text
from components.wording import counted
from pipelines.pages import charts, masks
from pipelines.pages.sources import Sources
from pipelines.pages.wording import percent

NAMES = {
    "model": "this model",
    "background": "background everywhere",
    "pixels": "logistic regression on the surroundings of a pixel",
    "scratch": "same network from random initialisation",
}
METHODS = {
    "frozen": "dense head on the frozen encoder",
    "trained": "encoder trained on the masks",
    "consistency": "encoder trained on masks and pseudo-masks",
    "scratch": NAMES["scratch"],
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
    if found["skipped"]:
        return {
            "summary": f"From {counted(snapshot['samples'], 'image')} no segmentation, because {found['skipped']}.",
            "tiles": _counts(snapshot),
        }
    return {
        "summary": summary(snapshot, found, outputs["pretrain"]["samples"], became),
        "tiles": tiles(snapshot, found),
        "comparison": comparison(found),
        "comparison_chart": bars(found),
        "over": "over test images",
        "parts": [candidates(tuned), classes(found), calibration(found), pictures(sources)],
    }


def summary(snapshot: Found, found: Found, trained: int, became: str) -> str:
    """What happened, in one paragraph. trained: images, with a mask or without."""
    m, best = found["metrics"], found["best_baseline"]
    unlabelled = counted(trained - snapshot["labelled"], "unlabelled image")
    kinds, tests = counted(len(snapshot["classes"]), "class"), counted(found["samples"], "test image")
    return (
        f"From {unlabelled} and {counted(snapshot['labelled'], 'mask')}, a model that gives each pixel one of "
        f"{kinds}: Dice {m['dice']:.3f} on {tests} "
        f"(95 % interval {m['dice_low']:.3f} to {m['dice_high']:.3f}; mean over images and their classes, background "
        f"left out), IoU {m['iou']:.3f}: {m['margin']:+.3f} ({m['margin_low']:+.3f} to {m['margin_high']:+.3f} over "
        f"test images) against the best baseline, {NAMES[best]}, which had the same masks. {became}"
    )


def _counts(snapshot: Found) -> list[dict[str, str]]:
    return [
        {"value": f"{snapshot['samples']:,}", "text": "images"},
        {"value": f"{snapshot['labelled']:,}", "text": "masks to learn from"},
    ]


def tiles(snapshot: Found, found: Found) -> list[dict[str, str]]:
    """The figures at the top."""
    m = found["metrics"]
    return [
        *_counts(snapshot),
        {"value": f"{m['dice']:.3f}", "text": "Dice"},
        {"value": f"{m['iou']:.3f}", "text": "IoU"},
        {"value": f"{m['margin']:+.3f}", "text": "Dice against the best baseline"},
        {"value": percent(m["pixel_accuracy"]), "text": "of the pixels right"},
    ]


def comparison(found: Found) -> list[dict[str, str]]:
    """Rows of the table of Dice: the model first, the others from good to bad."""
    rows = []
    for name in _ordered(found):
        f, d = found["intervals"][name], found["differences"].get(name)
        difference = "" if d is None else f"{d['value']:+.3f} ({d['low']:+.3f} to {d['high']:+.3f})"
        rows.append(
            {
                "name": NAMES[name],
                "value": f"{f['value']:.3f}",
                "interval": f"{f['low']:.3f} to {f['high']:.3f}",
                "difference": difference,
            }
        )
    return rows


def bars(found: Found) -> str:
    names, values = _ordered(found), found["intervals"]
    value, low, high = ([values[name][key] for name in names] for key in ("value", "low", "high"))
    return charts.bars(
        [NAMES[name] for name in names], value, low, high, "Dice on the test images, 95 % interval"
    )


def _ordered(found: Found) -> list[str]:
    values = found["intervals"]
    return ["model", *sorted((n for n in values if n != "model"), key=lambda name: -values[name]["value"])]


def candidates(tuned: Found) -> Part:
    """What was cross-validated on the masks."""
    text = (
        "Each was judged by masks that its trainings were not given. Served is the best of those that are no baseline: "
        f"the {METHODS[tuned['method']]}."
    )
    rows = [[METHODS[one["name"]], f"{one['dice']:.3f}", f"{one['rate']:g}"] for one in tuned["candidates"]]
    head = ["what", "Dice on held-out masks", "learning rate"]
    return {**_part("Which model is served", [text]), "head": head, "rows": rows}


def classes(found: Found) -> Part:
    """The table of classes, and their chart, which is the legend of the pictures too."""
    shown = [(number, one) for number, one in enumerate(found["classes"]) if one["dice"] is not None]
    chart = masks.class_bars(
        [one["name"] for _, one in shown],
        [one["dice"]["value"] for _, one in shown],
        [one["dice"]["low"] for _, one in shown],
        [one["dice"]["high"] for _, one in shown],
        [number for number, _ in shown],
    )
    rows = [
        [one["name"], f"{one['images']}", percent(one["share"]), _figure(one["dice"]), _figure(one["iou"])]
        for one in found["classes"]
    ]
    text = "Over the pixels of all test images, with 95 % intervals over images; colours as in the pictures below."
    head = ["class", "images with it", "of the pixels", "Dice", "IoU"]
    return {**_part("Classes", [text]), "charts": [chart], "head": head, "rows": rows}


def calibration(found: Found) -> Part:
    """Confidence of pixels against how often they are right."""
    held = [one for one in found["curve"] if one["count"]]
    total = sum(one["count"] for one in held)
    chart = charts.reliability(
        [one["confidence"] for one in held],
        [one["accuracy"] for one in held],
        [one["count"] / total for one in held],
    )
    text = (
        f"Expected calibration error of the pixels' confidence {found['metrics']['ece']:.3f}, over "
        f"{total:,} pixels of test images."
    )
    return {**_part("Can its confidence be trusted?", [text]), "charts": [chart]}


def pictures(sources: Sources) -> Part:
    """Some test images: image, mask, predicted mask, confidence."""
    rows = pq.read_table(sources.file("evaluate", "pictures")).to_pylist()
    shown = []
    for row in rows:
        truth, predicted = from_text(row["truth"]), from_text(row["mask"])
        certainty = np.frombuffer(row["certainty"], dtype=np.uint8).reshape(truth.shape)
        image = sources.samples.clean(np.array([row["row"]])).numpy()[0]
        shown.append(
            {"sample": masks.strip(image, truth, predicted, certainty), "text": f"Dice {row['dice']:.3f}"}
        )
    text = (
        "Test images from the worst to the best by Dice: the image, its mask (white: ignored), the predicted mask, and "
        "the confidence of each pixel, white where it is 1."
    )
    return {**_part("Masks", [text]), "samples": shown}


def _figure(figure: Found | None) -> str:
    return (
        "in no mask"
        if figure is None
        else f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
    )


def _part(title: str, text: list[str]) -> Part:
    return {"title": title, "text": text, "charts": [], "head": [], "rows": [], "samples": []}
