"""What a pretraining begins with: encoder, objective, views of the samples, and a look at what is learnt.

Letters: N training samples.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeInt

from components.config import Config
from components.encoders import Encoder, EncoderConfig, start_encoder
from components.errors import UserError
from components.modalities.packing import PackingConfig
from components.modalities.samples import Samples
from components.modalities.view_maker import Role
from components.modalities.views import ViewsConfig
from components.objectives import ObjectiveConfig, build_objective, check_objective
from components.training.collapse_check import Look
from components.training.device import Placement, place
from components.training.learner import Learner, derive_seed
from components.training.loop import TrainConfig
from components.training.view_source import ViewSource


class Beginning(Config):
    """samples, table: of the snapshot. packing: as the encoder is to know the samples; in a warm start that of its
    parent. views: how those of each role are made."""

    samples: Samples
    packing: PackingConfig
    table: Path
    encoder: EncoderConfig
    objective: ObjectiveConfig
    views: dict[Role, ViewsConfig]
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
        rows: [N] places of the training samples in the arrays. labels: [N], -1 where there is none; shown to
            an objective that uses labels, and to no other.

    Raises:
        UserError: fewer than two samples, or what encoder and objective refuse.
    """
    check_objective(given.objective, given.packing.name)
    placement = place(given.device, given.train.precision)
    packed = given.samples.open(rows)
    if len(packed) < 2:
        raise UserError(
            "samples-too-few",
            f"pretraining needs at least 2 training samples, got {len(packed)}; deliver more",
        )
    torch.manual_seed(derive_seed(given.seed))
    encoder = start_encoder(given.encoder, given.packing)
    objective = build_objective(
        given.objective, encoder, len(packed), given.samples.views.length(given.views["global"])
    )
    learner = Learner(encoder, objective)
    source = ViewSource(
        packed,
        given.samples.views,
        objective.views,
        given.views,
        batch_size=given.train.batch_size,
        seed=given.seed,
        device=placement.device,
        labels=torch.from_numpy(labels) if objective.uses_labels else None,
    )
    return Begun(encoder, learner, source, placement, Look(learner, source, placement, given.seed))
