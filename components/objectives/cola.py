"""COLA: two parts of one sound belong together, by a bilinear similarity; those of other sounds do not.

Source: Saeed, Grangier & Zeghidour 2021 (arXiv:2010.10915), section 2: a projector of one linear layer, layer norm and
tanh; s(x, y) = g(x)' W g(y); cross-entropy of the own second part among those of all sounds of the batch. Published:
projector of 512, batch 1024, parts of 960 ms. Which parts, and what is done to them, is `pretrain.views`.
Differs: second parts of all processes; both directions are not summed, as published.
Letters: B samples on this rank, W ranks, D feature size, E embedding size.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from components.collectives import gather, rank
from components.config import Config
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.two_views import Paired
from components.precision import at_least_float32


class ColaConfig(Config):
    """Options of COLA."""

    name: Literal["cola"] = "cola"
    """Selects COLA (Saeed et al. 2021, arXiv:2010.10915)."""

    embedding: PositiveInt = 512
    """Embedding size E (published: 512)."""


def bilinear_loss(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Mean of -log p(own second part | those of all ranks), with logits first' W second, over this rank's B samples.

    first, second: [B, E]; row i of both is sample i. weight: [E, E]. [] nats; log(WB) for weight 0.
    """
    with torch.autocast(first.device.type, enabled=False):
        first, second = at_least_float32(first), at_least_float32(second)
        logits = first @ weight.to(first.dtype) @ gather(second).T
        own = torch.arange(len(first), device=first.device) + rank() * len(first)
        return F.cross_entropy(logits, own)


class Cola(Paired):
    def __init__(self, config: ColaConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        width = config.embedding
        super().__init__(nn.Sequential(nn.Linear(encoder.feature_dim, width), nn.LayerNorm(width), nn.Tanh()))
        self.config = config
        self.weight = nn.Parameter(torch.empty(width, width))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [] nats.

        Raises:
            UserError: not two views, or one sample alone.
        """
        first, second = self.embeddings(encoder, batch, "cola")
        return Losses(bilinear_loss(first, second, self.weight))
