"""What judges a fine-tuning: cross-fitting folds, the same encoder with the labels alone, the same network from random.

None of them waits for another (the rate of the last is chosen first), so they run side by side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.encoders import Encoder
from components.registry.model import ModelConfig
from components.training.fewlabels import Material
from components.training.loop import Trained
from pipelines.finetuning.config import FinetuneConfig
from pipelines.finetuning.head import Frozen, fit_head
from pipelines.finetuning.layers import Fold, Meter, finetune, judged
from pipelines.finetuning.scratch import Grid, Scratch


@dataclass(frozen=True)
class Judges:
    """of: [n] fold of each label, None where none can be held out. alone: None where the method is just that.
    scratch: None where the recipe has no such baseline."""

    of: NDArray[np.int64] | None
    folds: Sequence[Fold]
    alone: Trained | None
    scratch: Scratch | None


def train_judges(
    request: FinetuneConfig,
    encoder: Encoder,
    frozen: Frozen,
    model: ModelConfig,
    material: Material,
    meter: Meter,
) -> Judges:
    """Train them all. model: what describes the network from random, for its file."""
    of, folds = judged(request, encoder, frozen, material, meter)
    others = dict[str, Callable[[], Any]]()
    if not request.labels_alone:
        others["alone"] = partial(_alone, request, encoder, frozen, material, meter)
    if request.scratch.steps:
        grid = Grid(request, model, material, meter)
        rate, evidence = grid.best(meter.side_by_side(grid.jobs()))
        others["scratch"] = partial(grid.final, rate, evidence)
    meter.announce(*others)
    done: list[Any] = meter.side_by_side([*folds, *others.values()])
    named = dict(zip(others, done[len(folds) :], strict=True))
    return Judges(of, done[: len(folds)], named.get("alone"), named.get("scratch"))


def _alone(
    request: FinetuneConfig, encoder: Encoder, frozen: Frozen, material: Material, meter: Meter
) -> Trained:
    """The same encoder trained on the labels alone."""
    head, every = fit_head(request, frozen, material, pseudo=False), np.arange(len(material.labels))
    return finetune(request, encoder, head, material, every, meter, alone=True)
