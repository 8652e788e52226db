"""SupCon: SimCLR in which all views of samples with the same label attract.

Source: Khosla et al. 2020 (arXiv:2004.11362), equation 2 (L_out). A sample without a label has its own other
view alone as a positive; with no labels at all this is SimCLR.
Published: temperature .1, head 2048-128, batch 6144.
Letters: B samples on this rank, W ranks, E embedding size.
"""

from typing import Literal

import torch
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
from components.objectives.pairs import same_shape, two_views, unit


class SupconConfig(Config):
    """hidden: of the head; None: as many as features."""

    name: Literal["supcon"] = "supcon"
    view: ViewConfig = ViewConfig()
    hidden: PositiveInt | None = None
    embedding: PositiveInt = 128
    layers: int = Field(default=2, ge=1)
    temperature: PositiveFloat = 0.1


def sup_con(a: Tensor, b: Tensor, targets: Tensor, *, temperature: float) -> Tensor:
    """Mean over this rank's 2B views of the mean over their positives of -log p(positive | all other views).

    Args:
        a, b: [B, E] embeddings; row i of both is sample i; of any length. B equal on every rank.
        targets: [B] int64, -1 where there is no label.
        temperature: > 0; divides the cosines.

    Returns:
        [] nats; log(2WB - 1) when all embeddings are equal.

    Raises:
        UserError: shapes differ, are not [B, E], or there is only one sample in all.
    """
    same_shape(a, b, "supcon")
    if len(a) * world() < 2 or targets.shape != a.shape[:1]:
        raise UserError(
            f"supcon needs 2 samples or more, each with a target, got {len(a)} and {list(targets.shape)} "
            f"targets; raise batch_size"
        )
    with torch.autocast(a.device.type, enabled=False):
        here = unit(torch.stack([a, b], dim=1))
        everywhere = torch.cat(gather(here).unbind(1))  # [2WB, E], all first views before all second ones
        sample = torch.arange(len(everywhere) // 2, device=a.device)
        own = sample[rank() * len(a) :][: len(a)]
        itself = torch.cat([own, own + len(sample)]).unsqueeze(1)
        logits = torch.cat(here.unbind(1)) @ everywhere.T / temperature  # [2B, 2WB]
        log_p = logits.scatter(1, itself, -torch.inf).log_softmax(dim=1)
        labels = gather(targets)
        alike = (labels[own].unsqueeze(1) == labels) & (labels >= 0) | (own.unsqueeze(1) == sample)
        positive = alike.repeat(2, 2).scatter(1, itself, False)
        each = torch.where(positive, log_p, torch.zeros_like(log_p)).sum(dim=1) / positive.sum(dim=1)
        return -each.mean()


class Supcon(Objective):
    uses_labels = True

    def __init__(self, config: SupconConfig, encoder: Encoder, rows: int = 0) -> None:
        super().__init__()
        self.config = config
        self.views = view_spec(config.view, None, 0)
        self.head: nn.Module = mlp_head(
            encoder.feature_dim, config.hidden or encoder.feature_dim, config.embedding, config.layers
        )

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample, and the labels that there are -> total: [] nats.

        Raises:
            UserError: not two views, or one sample alone.
        """
        views = two_views(batch, "supcon", samples=2)
        first, second = self.head(torch.cat(encode(encoder, views))).chunk(2)
        targets = torch.full_like(batch.index, -1) if batch.targets is None else batch.targets
        loss = sup_con(first, second, targets.to(first.device), temperature=self.config.temperature)
        return Losses(mean(loss))
