"""BYOL: predict a slow teacher's embedding of the other view; nothing repels.

Source: Grill et al. 2020 (arXiv:2006.07733), equation 2 and section 3.1.
Published: head and predictor 4096-256, momentum .996 rising to 1, batch 4096, 1000 epochs, LARS. Here: hidden
512, embedding 128, momentum .99: the teacher's memory of 1 / (1 - momentum) steps should be at most a tenth
of a training, so 1 - 10 / steps, and never above .996.
Differs: both views pass as one batch, for batch norm, too; the head ends without a bias, which the
predictor's batch norm would take away.
Letters: B samples on this rank, E embedding size.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses, Objective, ViewSpec
from components.objectives.parts.multicrop import encode
from components.objectives.parts.teacher import follow, rising, teacher_of
from components.objectives.parts.two_views import projector, same_shape, two_views, unit


class ByolConfig(Config):
    """Options of BYOL."""

    name: Literal["byol"] = "byol"
    """Selects BYOL (Grill et al. 2020, arXiv:2006.07733)."""

    hidden: PositiveInt = 512
    """Width of the hidden layers of projector and predictor (published: 4096)."""

    embedding: PositiveInt = 128
    """Embedding size E (published: 256)."""

    momentum: float = Field(default=0.99, ge=0, le=1)
    """EMA momentum of the teacher at the start; it rises to 1 (published: 0.996; short runs: 1 - 10 /
    steps)."""


def regression(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean over rows of the squared distance of two unit vectors, 2 - 2 cos.

    Args:
        prediction, target: [B, E], of any length; the target takes no gradient.

    Returns:
        [] between 0 (same direction) and 4 (opposite); 2 for orthogonal rows.

    Raises:
        UserError: they are not two equal [B, E].
    """
    same_shape(prediction, target, "byol")
    with torch.autocast(prediction.device.type, enabled=False):
        return 2 - 2 * (unit(prediction) * unit(target.detach())).sum(dim=1).mean()


class Byol(Objective):
    """teacher: encoder and head that follow the student's; the predictor is the student's alone."""

    views: ViewSpec = (("global", 2),)

    def __init__(self, config: ByolConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        self.head = projector(encoder.feature_dim, config.hidden, config.embedding, layers=2, norm=False)
        self.predictor = mlp_head(config.embedding, config.hidden, config.embedding)
        self.teacher = teacher_of(nn.Sequential(encoder, self.head))

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [], both directions summed, between 0 and 8.

        Raises:
            UserError: not two views.
        """
        views = two_views(batch, "byol")
        with torch.no_grad():
            first_target, second_target = encode(self.teacher, views)
        first, second = self.predictor(self.head(torch.cat(encode(encoder, views)))).chunk(2)
        return Losses(regression(first, second_target) + regression(second, first_target))

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        follow(self.teacher, nn.Sequential(encoder, self.head), rising(self.config.momentum, progress))

    def predictions(self, features: Tensor) -> Tensor:
        found: Tensor = self.predictor(self.head(features))
        return found
