"""VICReg: two views agree, each embedding dimension keeps its variance, and no two dimensions say the same.

Source: Bardes, Ponce & LeCun 2021 (arXiv:2105.04906), equations 1 to 6, and its published code, which takes
the mean of the two views' variance terms and the sum of their covariance terms.
Published: weights 25, 25, 1, head of three layers of 8192, batch 2048. Here: hidden and embedding 512.
The statistics are those of the batch of all ranks: sums are exchanged, not embeddings.
Letters: B samples on this rank, W ranks, E embedding size.
"""

from typing import Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor

from components.collectives import all_reduce_sum, world
from components.config import Config
from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.two_views import Paired, projector, same_shape
from components.precision import at_least_float32


class VicregConfig(Config):
    """Options of VICReg."""

    name: Literal["vicreg"] = "vicreg"
    """Selects VICReg (Bardes, Ponce & LeCun 2021, arXiv:2105.04906)."""

    hidden: PositiveInt = 512
    """Width of the projector's hidden layers (published: 8192)."""

    embedding: PositiveInt = 512
    """Embedding size E (published: 8192)."""

    layers: int = Field(default=3, ge=1)
    """Number of the projector's layers (published: 3)."""

    invariance: NonNegativeFloat = 25.0
    """Weight of the invariance term (published: 25)."""

    variance: NonNegativeFloat = 25.0
    """Weight of the variance term (published: 25)."""

    covariance: NonNegativeFloat = 1.0
    """Weight of the covariance term (published: 1)."""


def vicreg_terms(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Invariance, variance and covariance of the WB samples of all ranks.

    Args:
        a, b: [B, E]; row i of both is sample i. B equal on every rank.

    Returns:
        mean of (a - b)^2; mean over both of mean_j relu(1 - sqrt(var_j + 1e-4)); sum over both of the squared
        covariances of different dimensions, by E. Variances and covariances are the unbiased ones. Constant
        embeddings: 0, .99, 0.

    Raises:
        UserError: shapes differ, are not [B, E], or there is only one sample in all.
    """
    same_shape(a, b, "vicreg")
    samples = len(a) * world()
    if samples < 2:
        raise UserError(
            "batch-too-small", "vicreg needs 2 samples or more, one alone has no variance; raise batch_size"
        )
    with torch.autocast(a.device.type, enabled=False):
        both = at_least_float32(torch.stack([a, b]))
        invariance = (both[0] - both[1]).square().mean()
        centred = both - all_reduce_sum(both.sum(dim=1, keepdim=True)) / samples
        covariances = all_reduce_sum(centred.mT @ centred) / (samples - 1)  # [2, E, E]
        variances = covariances.diagonal(dim1=1, dim2=2)
        variance = torch.relu(1 - torch.sqrt(variances + 1e-4)).mean()
        covariance = (covariances.square().sum() - variances.square().sum()) / a.shape[1]
        return invariance, variance, covariance


def vicreg_loss(a: Tensor, b: Tensor, *, invariance: float, variance: float, covariance: float) -> Losses:
    """Two views [B, E] -> total: the terms of vicreg_terms, weighted.

    Raises:
        UserError: shapes differ, or there is only one sample in all.
    """
    agreement, spread, redundancy = vicreg_terms(a, b)
    total = invariance * agreement + variance * spread + covariance * redundancy
    parts = {"invariance": agreement, "variance": spread, "covariance": redundancy}
    return Losses(total, {name: value.detach() for name, value in parts.items()})


class Vicreg(Paired):
    def __init__(self, config: VicregConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        head = projector(encoder.feature_dim, config.hidden, config.embedding, config.layers, norm=False)
        super().__init__(head)
        self.config = config

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: the weighted sum of the terms.

        Raises:
            UserError: not two views, or one sample alone.
        """
        weights = self.config.model_dump(include={"invariance", "variance", "covariance"})
        return vicreg_loss(*self.embeddings(encoder, batch, "vicreg"), **weights)
