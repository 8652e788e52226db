"""SimCLR: two views of a sample attract; every other view in the batch of all processes repels.

Source: Chen et al. 2020 (arXiv:2002.05709), equation 1 and algorithm 1.
Letters: B samples on this rank, W ranks, D feature size, E embedding size.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.augmentations.image import ViewConfig
from components.collectives import gather, mean, rank, world
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.errors import UserError
from components.objectives.base import Batch, Losses, Objective
from components.objectives.crops import encode, view_spec


class SimclrConfig(Config):
    """hidden: of the head; None: as many as features. temperature: .2 suits small images, .1 large ones."""

    name: Literal["simclr"] = "simclr"
    view: ViewConfig = ViewConfig()
    hidden: PositiveInt | None = None
    embedding: PositiveInt = 128
    layers: int = Field(default=2, ge=1)
    temperature: PositiveFloat = 0.2


def nt_xent(a: Tensor, b: Tensor, *, temperature: float) -> Tensor:
    """Mean of -log p(partner | all other views) over the 2WB views of all ranks.

    Args:
        a, b: [B, E] embeddings; row i of both is sample i; of any length. B equal on every rank.
        temperature: > 0; divides the cosines.

    Returns:
        [] nats; log(2WB - 1) when all embeddings are equal. The same on every rank; gradients as
        `collectives` says.

    Raises:
        UserError: shapes differ, are not [B, E], or there is only one sample in all (no negatives).
    """
    if a.shape != b.shape or a.ndim != 2 or len(a) * world() < 2:
        raise UserError(
            f"nt_xent needs two views [B, E] of B >= 2 samples, for a sample alone has no negatives; "
            f"got {list(a.shape)} and {list(b.shape)}; raise batch_size"
        )
    with torch.autocast(a.device.type, enabled=False):
        here = F.normalize(torch.stack([a, b], dim=1).to(torch.promote_types(a.dtype, torch.float32)), dim=2)
        everywhere = torch.cat(gather(here).unbind(1))  # [2WB, E], all first views before all second ones
        logits = torch.cat(here.unbind(1)) @ everywhere.T / temperature  # [2B, 2WB]
        samples = len(everywhere) // 2
        own = torch.arange(len(a), device=a.device) + rank() * len(a)
        itself, partner = torch.cat([own, own + samples]), torch.cat([own + samples, own])
        logits = logits.scatter(1, itself.unsqueeze(1), -torch.inf)
        return mean(F.cross_entropy(logits, partner))


class Simclr(Objective):
    def __init__(self, config: SimclrConfig, encoder: Encoder, rows: int = 0) -> None:
        super().__init__()
        self.config = config
        self.views = view_spec(config.view, None, 0)
        self.head: nn.Module = mlp_head(
            encoder.feature_dim, config.hidden or encoder.feature_dim, config.embedding, config.layers
        )

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [] nats.

        Raises:
            UserError: not two views, or one sample alone.
        """
        if len(batch.views) != 2:
            raise UserError(f"simclr needs 2 views of each sample, got {len(batch.views)}")
        if len(batch.views[0]) * world() < 2:
            raise UserError(
                "simclr needs a batch of 2 samples or more: one alone has no negatives; raise batch_size"
            )
        first, second = self.head(torch.cat(encode(encoder, batch.views))).chunk(2)
        return Losses(nt_xent(first, second, temperature=self.config.temperature))
