"""What the champion knows, handed on: after a warm start its answers are pseudo-labels where there are none.

Source: self-training with the earlier model as teacher, as in Xie et al. 2020 (arXiv:1911.04252) and Furlanello et al.
2018 (arXiv:1805.04770); hard classes, each weighted by its calibrated confidence. Measured: docs/retrain.md.
Letters: N training samples, n labels, m pseudo-labels, K classes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from components.training.finetune import Material
from components.training.learner import features
from pipelines.engine.context import Context
from pipelines.inference.predict import load
from pipelines.stages.finetune.config import FinetuneConfig

Asked = TypeVar("Asked", bound=FinetuneConfig)


def filled(material: Material, answers: NDArray[np.float32]) -> Material:
    """A pseudo-label for every sample: the given ones stay, and all others but the labelled get the champion's.

    Args:
        answers: [N, K] its probabilities. (.7, .3) of a sample without any: class 0 with weight .7.
    """
    free = np.ones(len(answers), dtype=bool)
    free[material.kept] = free[material.labelled] = False
    new = np.flatnonzero(free)
    kept = np.concatenate([material.kept, new])
    order = np.argsort(kept)
    labels = np.concatenate([material.kept_labels, answers[new].argmax(axis=1)])
    confidence = np.concatenate([material.confidence, answers[new].max(axis=1).astype(np.float64)])
    return replace(material, kept=kept[order], kept_labels=labels[order], confidence=confidence[order])


def hand_on(
    request: Asked, material: Material, champion: str, classes: Sequence[str], context: Context
) -> tuple[Asked, Material]:
    """Request and material of a fine-tuning that learns from the champion's answers too; both as they are where it
    has other classes, or none, or where the method looks at labels alone.

    champion: reference of its finetune.
    """
    made = context.output(champion)
    if made.model is None or request.labels_alone:
        return request, material
    model = load(context, champion, made.model, made.config)
    if model.config.classes != list(classes):
        context.say("the champion knows other classes: its answers are not handed on")
        return request, material
    material.placement.put(model)
    everything = np.arange(len(material.packed), dtype=np.int64)
    with torch.no_grad():
        logits = features(model, material.clean(everything), len(everything), material.placement)
    context.say(f"the champion's answers are pseudo-labels where there are none ({champion})")
    return request.handed(), filled(material, logits.softmax(dim=1).numpy())
