"""Measure masks on the held-out test images: the model, the same network from random start, logistic regression on the
surroundings of each pixel, and background everywhere; all from the same masks, all read on the same images.

Images and masks are compared at the side of the packed samples. Intervals are over test images alone.
Letters: M test images, S side in pixels, K classes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pydantic import Field, NonNegativeInt, PositiveInt

from components.arrays import Doubles, Floats, Ints, Pixels
from components.config import Config
from components.crash import point
from components.data.masks import to_text
from components.data.table import Table
from components.evaluation.classification.calibration import CurveBin, ece, reliability
from components.evaluation.classification.figures import Figure, named
from components.evaluation.dense.masks import (
    ClassAgreement,
    by_class,
    by_image,
    figures,
    sampled_pixels,
    tables,
)
from components.evaluation.dense.pixel_baseline import fit_pixels
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.modalities.samples import Samples
from components.registry.segmenter import Segmenter
from components.registry.served import load_model
from components.tasks.segmentation import BACKGROUND, SegmentationConfig
from components.training.device import Placement, place
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.masks import masks_of
from pipelines.inference.samples import samples_of
from pipelines.stages.evaluate.health import health_of

BATCH = 64
FEWEST = 5  # test images below which no figure says anything
BASELINES = ("background", "pixels", "scratch")
PIXELS = 200_000  # whose confidence is measured, at most
BINS = 15


class Request(Config):
    """What the stage evaluate is given where the task is segmentation."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    task: SegmentationConfig = SegmentationConfig()
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    embed: str
    """Reference of the finished embed; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    finetune: str
    """Reference of the finished finetune; the run fills it in."""

    bootstrap: PositiveInt = 2000
    """Bootstrap resamples of the confidence intervals."""

    pictures: PositiveInt = 12
    """Test images that the report shows, from the worst to the best by Dice."""

    seed: NonNegativeInt = 0
    """Seed of resampling and of the baselines."""


class Output(Config):
    """skipped: why there is no model to measure; health is there all the same. samples: M.

    metrics: dice and iou (mean over images, each with _low, _high), margin: Dice over the best baseline (with _low,
    _high, paired), pixel_accuracy, ece of the pixels. baselines: Dice of background everywhere, of logistic regression
    on pixels, of the same network from random start. intervals: Dice of the model and of these; differences: of the
    model less each. classes: over the pixels of all images. curve: reliability of the pixels' confidence. predictions:
    Parquet, a row a test image: id, dice, iou, confidence, mask. pictures: Parquet of some of them: row, dice, truth,
    mask, certainty (S * S bytes: the confidence of each pixel, 255 is 1). health: of the frozen features.
    """

    skipped: str | None = None
    samples: int = 0
    metrics: dict[str, float] = Field(default_factory=dict)
    best_baseline: str | None = None
    baselines: dict[str, float] = Field(default_factory=dict)
    intervals: dict[str, Figure] = Field(default_factory=dict)
    differences: dict[str, Figure] = Field(default_factory=dict)
    classes: list[ClassAgreement] = Field(default_factory=list)
    curve: list[CurveBin] = Field(default_factory=list)
    predictions: Artifact | None = None
    pictures: Artifact | None = None
    health: dict[str, float] = Field(default_factory=dict)


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    test, alive = table.test_rows(), health_of(features, table.train_rows(), request.seed)
    found = context.output(request.finetune)
    few = (
        f"{len(test)} test images with a mask, and {FEWEST} are needed to measure on; label more test images"
    )
    if reason := found.skipped or (few if len(test) < FEWEST else None):
        context.say(f"evaluation of masks skipped: {reason}")
        return Output(skipped=reason, samples=len(test), health=alive)
    samples, placement = samples_of(request.snapshot, snapshot, context), place(context.settings.device)
    side, names = snapshot.packing.size, list(snapshot.classes)
    truth = masks_of(request.snapshot, snapshot, test, side, context)
    model = _load(context, request.finetune, found.model, found.config)
    probabilities = answers_of(model, samples, test, placement)
    context.progress(0.4, "baselines")
    scratch = _load(context, request.finetune, found.scratch, found.scratch_config)
    said = {
        "model": _classes(probabilities),
        "background": np.full_like(truth, BACKGROUND),
        "pixels": pixels_alone(request, snapshot, table, samples, test, context),
        "scratch": _classes(answers_of(scratch, samples, test, placement)),
    }
    rest = mask_figures(said, truth, names, request)
    confidence, right = sampled_pixels(truth, probabilities, PIXELS, request.seed)
    rest["metrics"]["ece"] = ece(confidence, right, BINS)
    rest["curve"] = reliability(confidence, right, BINS)
    point("evaluate.measured")
    sure = probabilities.max(axis=1)
    written = _write(folder, table.ids[test], said["model"], truth, sure, len(names))
    shown = _pictures(folder, test, said["model"], truth, sure, request.pictures, len(names))
    output = Output(samples=len(test), health=alive, predictions=written, pictures=shown, **rest)
    _tell(output, context)
    return output


def mask_figures(
    said: dict[str, Pixels], truth: Pixels, names: list[str], request: Request
) -> dict[str, Any]:
    """Fields of the output, of the predicted masks [M, S, S] by name."""
    how = {"resamples": request.bootstrap, "seed": request.seed}
    counts = {name: tables(truth, masks, len(names)) for name, masks in said.items()}
    each = {name: by_image(table) for name, table in counts.items()}
    of, over = figures({name: dice for name, (dice, _) in each.items()}, **how)
    iou, _ = figures({"model": each["model"][1]}, **how)
    best = max(BASELINES, key=lambda name: of[name].value)
    whole = counts["model"].sum(axis=0)
    metrics = {
        **named("dice", of["model"]),
        **named("iou", iou["model"]),
        **named("margin", over[best]),
        "pixel_accuracy": float(np.trace(whole) / max(1, whole.sum())),
    }
    return {
        "metrics": metrics,
        "best_baseline": best,
        "baselines": {name: of[name].value for name in BASELINES},
        "intervals": of,
        "differences": over,
        "classes": by_class(counts["model"], names, **how),
    }


def pixels_alone(
    request: Request, snapshot: Any, table: Table, samples: Samples, test: Ints, context: Context
) -> Pixels:
    """[M, S, S] by logistic regression on the surroundings of each pixel, from the same masks."""
    own = table.labelled_rows()
    masks = masks_of(request.snapshot, snapshot, own, snapshot.packing.size, context)
    model = fit_pixels(samples.clean(own).numpy(), masks, len(snapshot.classes), seed=request.seed)
    return model.predict(samples.clean(test).numpy())


@torch.inference_mode()
def answers_of(model: Segmenter, samples: Samples, rows: Ints, placement: Placement) -> Floats:
    """[M, K, S, S] probabilities. In float32 whatever the training computed in, as what is served."""
    placement.put(model).eval()
    parts = [
        model(samples.clean(rows[start : start + BATCH], placement.device)).cpu().numpy()
        for start in range(0, len(rows), BATCH)
    ]
    return np.concatenate(parts)


def _classes(probabilities: Floats) -> Pixels:
    found: Pixels = probabilities.argmax(axis=1).astype(np.uint8)
    return found


def _load(context: Context, reference: str, weights: Artifact, config: Artifact) -> Segmenter:
    file, description = context.file(reference, weights), context.file(reference, config)
    model = load_model(file.parent, {file.name: weights.sha256, description.name: config.sha256})
    assert isinstance(model, Segmenter)
    return model


def _write(
    folder: Path, ids: np.ndarray[Any, Any], masks: Pixels, truth: Pixels, sure: Floats, classes: int
) -> Artifact:
    dice, iou = by_image(tables(truth, masks, classes))
    columns = {
        "id": pa.array(ids.tolist(), pa.string()),
        "dice": dice,
        "iou": iou,
        "confidence": sure.mean(axis=(1, 2)).astype(np.float64),
        "mask": [to_text(mask) for mask in masks],
    }
    file = folder / "predictions.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd")
    return Artifact.of(file, folder)


def _pictures(
    folder: Path, rows: Ints, masks: Pixels, truth: Pixels, sure: Floats, count: int, classes: int
) -> Artifact:
    """Images evenly spread from the worst to the best."""
    dice: Doubles = by_image(tables(truth, masks, classes))[0]
    order = np.argsort(dice, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(np.int64))]
    certainty = np.rint(255 * sure[chosen]).astype(np.uint8)
    columns = {
        "row": rows[chosen],
        "dice": dice[chosen],
        "truth": [to_text(truth[k]) for k in chosen],
        "mask": [to_text(masks[k]) for k in chosen],
        "certainty": [image.tobytes() for image in certainty],
    }
    file = folder / "pictures.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd")
    return Artifact.of(file, folder)


def _tell(output: Output, context: Context) -> None:
    m, best = output.metrics, output.best_baseline
    assert best is not None
    context.log(0, **m, **{f"baseline/{name}": value for name, value in output.baselines.items()})
    context.say(
        f"test Dice {m['dice']:.3f} ({m['dice_low']:.3f} to {m['dice_high']:.3f}), IoU {m['iou']:.3f}; best baseline "
        f"{best} {output.baselines[best]:.3f}, margin {m['margin']:+.3f} ({m['margin_low']:+.3f} to "
        f"{m['margin_high']:+.3f} over test images)"
    )
    context.progress(1.0, "done")
