"""What a pretraining begins with: encoder, objective, views of the samples, and a look at what is learnt.

Letters: N training samples.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveInt

from components.augmentations.image import ViewConfig
from components.config import Config
from components.data.packed import Packed
from components.encoders import Encoder, EncoderConfig, start_encoder
from components.errors import UserError
from components.objectives import ObjectiveConfig, build_objective
from components.objectives.base import Role
from components.training.collapse_check import Look
from components.training.device import Placement, place
from components.training.learner import Learner, derive_seed
from components.training.loop import TrainConfig
from components.training.view_source import ViewSource


class Beginning(Config):
    """images, table: files of the snapshot. channels, mean, std: of its pixels. views: how those of each role are
    made."""

    images: Path
    table: Path
    channels: PositiveInt
    mean: list[float]
    std: list[float]
    encoder: EncoderConfig
    objective: ObjectiveConfig
    views: dict[Role, ViewConfig]
    train: TrainConfig
    seed: NonNegativeInt
    device: str = "auto"


@dataclass(frozen=True)
class Begun:
    """learner: of `encoder` and the objective, not trained yet."""

    encoder: Encoder
    learner: Learner
    source: ViewSource
    placement: Placement
    look: Look


def begin(given: Beginning, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> Begun:
    """The same on every worker.

    Args:
        rows: [N] places of the training samples among the images. labels: [N], -1 where there is none; shown to
            an objective that uses labels, and to no other.

    Raises:
        UserError: fewer than two samples, or what encoder and objective refuse.
    """
    placement = place(given.device, given.train.precision)
    packed = Packed.open(given.images, rows)
    if len(packed) < 2:
        raise UserError(f"pretraining needs at least 2 training samples, got {len(packed)}; deliver more")
    torch.manual_seed(derive_seed(given.seed))
    encoder = start_encoder(given.encoder, given.channels, given.mean, given.std)
    objective = build_objective(given.objective, encoder, len(packed), given.views["global"].size)
    learner = Learner(encoder, objective)
    source = ViewSource(
        packed,
        objective.views,
        given.views,
        batch_size=given.train.batch_size,
        seed=given.seed,
        device=placement.device,
        labels=torch.from_numpy(labels) if objective.uses_labels else None,
    )
    return Begun(encoder, learner, source, placement, Look(learner, source, placement, given.seed))
