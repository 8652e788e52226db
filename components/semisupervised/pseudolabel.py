"""Pseudo-label: what the network says of an unlabelled sample is its target, the more so the longer it learned.

Source: Lee 2013 (ICML workshop on challenges in representation learning), equations 15 and 16. Published: the
weight is 0 before step 100, 3 from step 600 on, and rises linearly between; here these are shares of the
training. Steps without weight still pass the unlabelled rows through batch norm.
Letters: see base.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, model_validator
from torch import Tensor

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig


class PseudolabelConfig(ConsistencyConfig):
    """Options of Pseudo-Label."""

    name: Literal["pseudolabel"] = "pseudolabel"
    """Selects Pseudo-Label (Lee 2013)."""

    start: float = Field(default=0.1, ge=0, le=1)
    """Share of training at which the weight begins to rise."""

    full: float = Field(default=0.6, ge=0, le=1)
    """Share of training at which the weight reaches `weight`."""

    weight: NonNegativeFloat = 3.0
    """Largest weight of the unsupervised term (published: 3)."""

    threshold: float = Field(default=0.0, ge=0, lt=1)
    """Smallest confidence of a target; 0 uses all, as published."""

    @model_validator(mode="after")
    def _in_order(self) -> "PseudolabelConfig":
        if self.start >= self.full:
            raise ValueError(f"start must be below full, got {self.start:g} and {self.full:g}")
        return self


def ramp(at: float | Tensor, start: float, full: float, weight: float) -> Tensor:
    """[] the weight alpha at `at`: 0 up to start, `weight` from full on. (350, 100, 600, 3): 1.5."""
    return weight * ((torch.as_tensor(at) - start) / (full - start)).clamp(0, 1)


def pseudo_label_loss(logits: Tensor, threshold: float = 0.0) -> tuple[Tensor, Tensor]:
    """Mean over *all* U rows of mask * CE(logits, argmax of the same logits).

    Args:
        logits: [U, K], with gradient; the class taken from them is a constant.

    Returns:
        [] nats and the mask [U] bool; p = (.96, .03, .01): -log .96 = .0408219945.
    """
    with torch.autocast(logits.device.type, enabled=False):
        confidence, target = at_least_float32(logits.detach()).softmax(dim=1).max(dim=1)
        mask = confidence >= threshold
        each = F.cross_entropy(at_least_float32(logits), target, reduction="none")
        return (mask * each).mean(), mask


class Pseudolabel(Consistency):
    config: PseudolabelConfig
    strong = 0

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The unsupervised term is the network's own guess, weighted with alpha(progress)."""
        parts, config = self.parts(batch), self.config
        own, other = self.head(encoder(parts.weak[0])).tensor_split([len(parts.weights)])
        own_guess, mask = pseudo_label_loss(other, config.threshold)
        share = ramp(self.progress, config.start, config.full, 1.0)
        figures = {"mask": mask.float().mean(), "alpha": config.weight * share}
        return self.combined(parts, own, other, own_guess, figures, share)
