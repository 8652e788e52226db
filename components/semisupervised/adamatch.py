"""AdaMatch: FixMatch whose threshold is relative to how sure the network is of the labelled samples, and
whose targets are drawn towards what it says of them.

Source: Roelofs et al. 2022 (arXiv:2106.04732), section 3 and algorithm 1: logits of labelled rows are drawn
at random between those of a batch of their own and those of the whole batch; the batch of their own leaves
batch norm's running figures as they were (see still).
Deviation: of labelled rows there is the weak view alone.
Letters: see base.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.sample_rng import Chance
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig, look
from components.semisupervised.parts.alignment import aligned, everywhere
from components.semisupervised.parts.batchnorm import frozen_bn_stats
from components.semisupervised.parts.ramps import half_cosine


class AdamatchConfig(ConsistencyConfig):
    """Options of AdaMatch."""

    name: Literal["adamatch"] = "adamatch"
    """Selects AdaMatch (Roelofs et al. 2022, arXiv:2106.04732)."""

    threshold: float = Field(default=0.9, gt=0, le=1)
    """Tau: smallest confidence of a target, relative to the mean confidence on the labelled samples."""

    rampup: float = Field(default=0.5, ge=0, le=1)
    """Share of training in which the weight of the unsupervised term grows."""


def adamatch_loss(own: Tensor, weak: Tensor, strong: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Mean over *all* U rows of mask * CE(strong, target), target = p(weak) * mean p(own) / mean p(weak),
    scaled to sum 1, mask = (max target >= threshold * mean max p(own)).

    Args:
        own: [L, K], weak: [U, K] logits of the targets' side: no gradient goes there. strong: [U, K].

    Returns:
        [] nats and the mask [U] bool. Means are over all processes.
    """
    own, weak = own.detach(), weak.detach()
    said = own.softmax(dim=1)
    target = aligned(weak, everywhere(said), everywhere(weak.softmax(dim=1))).softmax(dim=1)
    mask = target.amax(dim=1) >= threshold * everywhere(said.amax(dim=1))
    return (mask * F.cross_entropy(strong, target, reduction="none")).mean(), mask


class Adamatch(Consistency):
    config: AdamatchConfig

    def __init__(
        self,
        config: AdamatchConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.chance = Chance()

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts = self.parts(batch)
        labelled, views = len(parts.weights), parts.weak[0]
        joint, weak, strong = look(encoder, self.head, views, parts.strong[0], labelled, together=True)
        with frozen_bn_stats(encoder):
            alone = self.head(encoder(views[:labelled]))
        with torch.autocast(joint.device.type, enabled=False):
            share = self.chance.uniform(batch.index[:labelled], joint.shape[1]).to(joint.device)
            own = share * at_least_float32(alone) + (1 - share) * at_least_float32(joint)
            unsupervised, mask = adamatch_loss(
                own, at_least_float32(weak), at_least_float32(strong), self.config.threshold
            )
            ramp = half_cosine(self.progress, self.config.rampup)
            figures = {"mask": mask.float().mean(), "ramp": ramp}
            return self.combined(parts, own, strong, unsupervised, figures, ramp)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
