"""The images and masks that a fine-tuning learns from.

Letters: n masks, S side in pixels, K classes.
"""

from pathlib import Path
from typing import Any

import numpy as np

from components.arrays import Ints, Pixels
from components.data.table import Table
from components.modalities.image.augment import ViewConfig
from components.training.device import place
from components.training.finetune_masks import Masks
from components.wording import counted
from pipelines.engine.context import Context
from pipelines.inference.masks import masks_of
from pipelines.inference.samples import samples_of
from pipelines.stages.finetune.segmentation.config import MaskFinetuneConfig

FEWEST = 4  # masks


def masks_lacking(table: Table, classes: int) -> str | None:
    """What there is too little of to train anything."""
    labelled = len(table.labelled_rows())
    if labelled < FEWEST:
        return f"{counted(labelled, 'training image')} with a mask, and {FEWEST} are needed; label more"
    if classes < 2:
        return "the masks hold one class only; label images that show another one"
    return None


def tone_view(strength: float, side: int, *, strong: bool = False) -> ViewConfig:
    """Options of a view that moves nothing and changes tone alone."""
    return ViewConfig(
        size=side, scale=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0, brightness=strength, contrast=strength,
        saturation=strength, hue=0.0, grayscale=0.0, gamma=strength if strong else 0.0, blur=0.5 if strong else 0.0,
    )  # fmt: skip


def masks_to_learn(
    request: MaskFinetuneConfig, reference: str, snapshot: Any, table: Table, folder: Path, context: Context
) -> Masks:
    """reference: of the snapshot. folder: of the run."""
    samples = samples_of(reference, snapshot, context)
    rows, own = table.train_rows(), table.labelled_rows()
    side = snapshot.packing.size
    return Masks(
        packed=samples.open(rows),
        views=samples.views,
        weak=tone_view(request.tone, side),
        strong=tone_view(request.strong, side, strong=True),
        placement=place(context.settings.device, request.precision),
        folder=folder / "checkpoints",
        cores=context.settings.cores,
        classes=len(snapshot.classes),
        labelled=np.searchsorted(rows, own),
        masks=masks_of(reference, snapshot, own, side, context),
        unlabelled=np.flatnonzero(table.label[rows] < 0),
        mirror=request.mirror,
        shift=request.shift,
    )


def mask_folds(masks: Pixels, folds: int, seed: int) -> Ints:
    """[n] the fold in which each mask is held out: of masks that hold as much beside the background, neighbours lie in
    different folds, by chance.

    Raises:
        ValueError: fewer masks than folds.
    """
    if len(masks) < folds:
        raise ValueError(f"as many masks as folds are needed, got {len(masks)} and {folds}")
    rng = np.random.default_rng(seed)
    filled = (masks != 0).reshape(len(masks), -1).mean(axis=1)
    order, of = np.argsort(filled, kind="stable"), np.empty(len(masks), dtype=np.int64)
    for start in range(0, len(order), folds):
        rows = order[start : start + folds]
        of[rows] = rng.permutation(folds)[: len(rows)]
    return of
