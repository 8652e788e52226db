"""SupCon: SimCLR in which all views of samples with the same label attract.

Source: Khosla et al. 2020 (arXiv:2004.11362), equation 2 (L_out). A sample without a label has its own other
view alone as a positive; with no labels at all this is SimCLR.
Published: temperature .1, head 2048-128, batch 6144.
Letters: B samples on this rank, W ranks, E embedding size.
"""

from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor

from components.collectives import gather, world
from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.two_views import same_shape
from components.objectives.simclr import Contrast, ContrastConfig, similarities


class SupconConfig(ContrastConfig):
    """Options of SupCon."""

    name: Literal["supcon"] = "supcon"
    """Selects SupCon (Khosla et al. 2020, arXiv:2004.11362)."""

    temperature: PositiveFloat = 0.1
    """Divides the cosines between embeddings (published: 0.1)."""


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
            "batch-too-small",
            f"supcon needs 2 samples or more, each with a target, got {len(a)} and {list(targets.shape)} "
            f"targets; raise batch_size",
        )
    with torch.autocast(a.device.type, enabled=False):
        logits, own = similarities(a, b, temperature=temperature)
        log_p = logits.log_softmax(dim=1)
        labels, sample = gather(targets), torch.arange(logits.shape[1] // 2, device=a.device)
        alike = (labels[own].unsqueeze(1) == labels) & (labels >= 0) | (own.unsqueeze(1) == sample)
        positive = alike.repeat(2, 2) & (logits > -torch.inf)
        each = torch.where(positive, log_p, torch.zeros_like(log_p)).sum(dim=1) / positive.sum(dim=1)
        return -each.mean()


class Supcon(Contrast):
    config: SupconConfig
    uses_labels = True

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample, and the labels that there are -> total: [] nats.

        Raises:
            UserError: not two views, or one sample alone.
        """
        first, second = self.embeddings(encoder, batch, "supcon")
        targets = torch.full_like(batch.index, -1) if batch.targets is None else batch.targets
        loss = sup_con(first, second, targets.to(first.device), temperature=self.config.temperature)
        return Losses(loss)
