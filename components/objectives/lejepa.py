"""LeJEPA: every view predicts the mean of a sample's global views, and SIGReg keeps the embeddings standard normal; no
teacher, no stopped gradient.

Source: Balestriero & LeCun 2025 (arXiv:2511.08544), algorithm 2: the weight L of SIGReg and 1 - L of the prediction,
SIGReg the mean over the views, each a sample of its own.
Published: 2 global and 6 to 8 local views, 1024 directions, a projector of 2048-2048-E with batch norm. Here: no local
views, 256 directions (as in the authors' minimal example) and a projector of 512-512-64.
Letters: B samples on this rank, W ranks, V views of which the first G = 2 are global, E embedding size, M directions.
"""

from typing import Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.errors import UserError
from components.objectives.base import Batch, Losses, Objective
from components.objectives.parts.multicrop import encode, multicrop
from components.objectives.parts.sample_rng import Chance
from components.objectives.parts.sigreg import directions, epps_pulley
from components.precision import at_least_float32

GLOBAL = 2


class LejepaConfig(Config):
    """Options of LeJEPA."""

    name: Literal["lejepa"] = "lejepa"
    """Selects LeJEPA (Balestriero & LeCun 2025, arXiv:2511.08544)."""

    locals: NonNegativeInt = 0
    """Number of local (small) views of a sample (published: 6 to 8)."""

    hidden: PositiveInt = 512
    """Width of the projector's hidden layers (published: 2048)."""

    embedding: PositiveInt = 64
    """Embedding size E (published: 64 to 512)."""

    layers: int = Field(default=3, ge=1)
    """Number of the projector's layers (published: 3)."""

    weight: float = Field(default=0.05, ge=0, le=1)
    """Weight L of SIGReg; that of the prediction is 1 - L (published: 0.05)."""

    directions: PositiveInt = 256
    """Random directions M, others at every step (published: 1024)."""

    knots: int = Field(default=17, ge=2)
    """Knots of the integral in SIGReg (published: 17)."""


def prediction_error(embeddings: Tensor) -> Tensor:
    """[] mean squared distance of a number of V views [V, B, E] from the mean of the first two.

    Of two views: a quarter of their mean squared difference.
    """
    views = at_least_float32(embeddings)
    return (views - views[:GLOBAL].mean(dim=0)).square().mean()


def lejepa_loss(
    embeddings: Tensor, along: Tensor, *, weight: float, knots: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Total, prediction and SIGReg, each [], of V >= 2 views [V, B, E], the global ones first.

    Args:
        along: [E, M] directions of length 1, the same on every rank. B equal on every rank.
        weight: of SIGReg, in [0, 1]; that of the prediction is 1 - weight.

    Returns:
        The prediction is the mean over this rank's samples, SIGReg that of the samples of all ranks.
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        views = at_least_float32(embeddings)
        prediction = prediction_error(views)
        normality = epps_pulley(views @ along.to(views), knots).mean()
        return (1 - weight) * prediction + weight * normality, prediction, normality


class Lejepa(Objective):
    def __init__(self, config: LejepaConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        self.views = multicrop(config.locals)
        self.head = mlp_head(encoder.feature_dim, config.hidden, config.embedding, config.layers)
        self.chance = Chance()

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two global views a sample, then any number of local ones -> total: [].

        Raises:
            UserError: fewer than two views.
        """
        if len(batch.views) < GLOBAL:
            raise UserError(
                "view-count-differs", f"lejepa needs 2 views or more of each sample, got {len(batch.views)}"
            )
        config = self.config
        embeddings = self.head(torch.cat(encode(encoder, batch.views))).unflatten(0, (len(batch.views), -1))
        along = directions(self.chance, config.embedding, config.directions)
        total, prediction, normality = lejepa_loss(
            embeddings, along, weight=config.weight, knots=config.knots
        )
        return Losses(total, {"prediction": prediction.detach(), "sigreg": normality.detach()})

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
