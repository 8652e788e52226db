"""Barlow Twins: each embedding dimension agrees with itself across two views and with no other.

Source: Zbontar et al. 2021 (arXiv:2103.03230), equations 1 and 2 and algorithm 1.
Published: off-diagonal weight .0051, the loss times .024 for LARS, head of three layers of 8192, batch 2048.
Here: hidden and embedding 512, scale 1: AdamW does not mind the scale.
The statistics are those of the batch of all ranks: sums are exchanged, not embeddings.
Letters: B samples on this rank, W ranks, E embedding size.
"""

from typing import Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor

from components.collectives import all_reduce_sum, world
from components.config import Config
from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.two_views import Paired, projector, same_shape
from components.precision import at_least_float32


class BarlowConfig(Config):
    """Options of Barlow Twins."""

    name: Literal["barlow"] = "barlow"
    """Selects Barlow Twins (Zbontar et al. 2021, arXiv:2103.03230)."""

    hidden: PositiveInt = 512
    """Width of the projector's hidden layers (published: 8192)."""

    embedding: PositiveInt = 512
    """Embedding size E (published: 8192)."""

    layers: int = Field(default=3, ge=1)
    """Number of the projector's layers (published: 3)."""

    redundancy: NonNegativeFloat = 0.0051
    """Weight of the off-diagonal terms of the cross-correlation matrix (published: 0.0051)."""

    scale: PositiveFloat = 1.0
    """Multiplies the whole loss (published with LARS: 0.024; AdamW is insensitive to it)."""


def cross_correlation(a: Tensor, b: Tensor, *, epsilon: float = 1e-5) -> Tensor:
    """[E, E] correlation of every dimension of a with every one of b over the WB samples of all ranks.

    Args:
        a, b: [B, E]; row i of both is sample i. B equal on every rank.
        epsilon: added to the (biased) variances, as batch norm does.

    Raises:
        UserError: shapes differ, are not [B, E], or there is only one sample in all.
    """
    same_shape(a, b, "barlow")
    samples = len(a) * world()
    if samples < 2:
        raise UserError(
            "batch-too-small",
            "barlow needs 2 samples or more, one alone has no correlation; raise batch_size",
        )
    with torch.autocast(a.device.type, enabled=False):
        both = at_least_float32(torch.stack([a, b]))
        centred = both - all_reduce_sum(both.sum(dim=1, keepdim=True)) / samples
        variance = all_reduce_sum(centred.square().sum(dim=1, keepdim=True)) / samples
        first, second = centred * torch.rsqrt(variance + epsilon)
        return all_reduce_sum(first.T @ second) / samples


def barlow_twins(correlation: Tensor) -> tuple[Tensor, Tensor]:
    """sum_i (1 - C_ii)^2 and sum_{i != j} C_ij^2 of C [E, E]: 0 and 0 for the identity, E and 0 for zeros."""
    diagonal = correlation.diagonal()
    return (1 - diagonal).square().sum(), correlation.square().sum() - diagonal.square().sum()


def barlow_loss(a: Tensor, b: Tensor, *, redundancy: float, scale: float) -> Losses:
    """Two views [B, E] -> total: scale * (agreement + redundancy * the rest) over all ranks; see barlow_twins.

    Raises:
        UserError: shapes differ, or there is only one sample in all.
    """
    agreement, others = barlow_twins(cross_correlation(a, b))
    total = scale * (agreement + redundancy * others)
    return Losses(total, {"agreement": agreement.detach(), "others": others.detach()})


class Barlow(Paired):
    def __init__(self, config: BarlowConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        head = projector(encoder.feature_dim, config.hidden, config.embedding, config.layers, norm=False)
        super().__init__(head)
        self.config = config

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: scale * (agreement + redundancy * the rest), of the whole batch.

        Raises:
            UserError: not two views, or one sample alone.
        """
        first, second = self.embeddings(encoder, batch, "barlow")
        return barlow_loss(first, second, redundancy=self.config.redundancy, scale=self.config.scale)
