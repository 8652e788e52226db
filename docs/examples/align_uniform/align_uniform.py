"""Alignment and uniformity: two views of a sample lie close together, all samples spread over the sphere.

Source: Wang & Isola 2020 (arXiv:2005.10242), equations 7 and 8 with alpha = 2 and t = 2.
Letters: B samples, D feature size, E embedding size.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor

from components.collectives import gather
from components.config import Config
from components.encoders import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.two_views import Paired, projector


class AlignUniformConfig(Config):
    """Options of alignment and uniformity."""

    name: Literal["align_uniform"] = "align_uniform"
    """Selects alignment and uniformity."""

    embedding: PositiveInt = 64
    """Embedding size E, on which both terms are computed."""

    uniformity: NonNegativeFloat = 1.0
    """Weight of the uniformity term."""


def alignment(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared distance of unit vectors a[i] and b[i], [B, E] each; 0 for equal views."""
    return (a - b).square().sum(dim=1).mean()


def uniformity(x: Tensor) -> Tensor:
    """Log of the mean of exp(-2 d^2) over all pairs of unit vectors x [B, E]; 0 where all are equal."""
    return torch.pdist(x).square().mul(-2).exp().mean().log()


class AlignUniform(Paired):
    def __init__(self, config: AlignUniformConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__(projector(encoder.feature_dim, encoder.feature_dim, config.embedding, 2))
        self.config = config

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> the weighted sum of both terms; every sample of all processes is held apart."""
        a, b = (F.normalize(view.float(), dim=1) for view in self.embeddings(encoder, batch, "align_uniform"))
        spread = (uniformity(gather(a)) + uniformity(gather(b))) / 2
        return Losses(alignment(a, b) + self.config.uniformity * spread)
