"""SimCLR: two views of a sample attract; every other view in the batch of all processes repels.

Source: Chen et al. 2020 (arXiv:2002.05709), equation 1 and algorithm 1.
Letters: B samples on this rank, W ranks, D feature size, E embedding size.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.collectives import gather, rank, world
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.two_views import Paired, unit


class ContrastConfig(Config):
    """Options shared by SimCLR and SupCon."""

    hidden: PositiveInt | None = None
    """Width of the projector's hidden layers; null: the feature size."""

    embedding: PositiveInt = 128
    """Embedding size E."""

    layers: NonNegativeInt = 2
    """Number of the projector's layers; 0: there is none, and features themselves are compared, which suits texts."""

    temperature: PositiveFloat = 0.2
    """Divides the cosines between embeddings; 0.2 suits small images, 0.1 large ones."""


class SimclrConfig(ContrastConfig):
    """Options of SimCLR."""

    name: Literal["simclr"] = "simclr"
    """Selects SimCLR (Chen et al. 2020, arXiv:2002.05709)."""


def similarities(a: Tensor, b: Tensor, *, temperature: float) -> tuple[Tensor, Tensor]:
    """Each of this rank's 2B views with each of the 2WB of all ranks; on both axes all first views stand
    before all second ones.

    Args:
        a, b: [B, E] embeddings; row i of both is sample i; of any length. B equal on every rank.

    Returns:
        [2B, 2WB] cosines / temperature, -inf for a view with itself; and [B] int64, which of the WB samples
        are this rank's.
    """
    here = unit(torch.stack([a, b], dim=1))
    everywhere = torch.cat(gather(here).unbind(1))  # [2WB, E]
    logits = torch.cat(here.unbind(1)) @ everywhere.T / temperature
    own = torch.arange(len(a), device=a.device) + rank() * len(a)
    itself = torch.cat([own, own + len(everywhere) // 2]).unsqueeze(1)
    return logits.scatter(1, itself, -torch.inf), own


def nt_xent(a: Tensor, b: Tensor, *, temperature: float) -> Tensor:
    """Mean of -log p(partner | all other views) over the 2WB views of all ranks.

    Args:
        a, b: [B, E] embeddings; row i of both is sample i; of any length. B equal on every rank.
        temperature: > 0; divides the cosines.

    Returns:
        [] nats over this rank's views; log(2WB - 1) when all embeddings are equal.

    Raises:
        UserError: shapes differ, are not [B, E], or there is only one sample in all (no negatives).
    """
    if a.shape != b.shape or a.ndim != 2 or len(a) * world() < 2:
        raise UserError(
            "batch-too-small",
            f"nt_xent needs two views [B, E] of B >= 2 samples, for a sample alone has no negatives; "
            f"got {list(a.shape)} and {list(b.shape)}; raise batch_size",
        )
    with torch.autocast(a.device.type, enabled=False):
        logits, own = similarities(a, b, temperature=temperature)
        partner = torch.cat([own + logits.shape[1] // 2, own])
        return F.cross_entropy(logits, partner)


class Contrast(Paired):
    """What is common to those that hold the two views of a sample against all others."""

    config: ContrastConfig

    def __init__(self, config: ContrastConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        width = encoder.feature_dim
        hidden, layers = config.hidden or width, config.layers
        super().__init__(mlp_head(width, hidden, config.embedding, layers) if layers else nn.Identity())
        self.config = config


class Simclr(Contrast):
    config: SimclrConfig

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [] nats.

        Raises:
            UserError: not two views, or one sample alone.
        """
        first, second = self.embeddings(encoder, batch, "simclr")
        return Losses(nt_xent(first, second, temperature=self.config.temperature))
