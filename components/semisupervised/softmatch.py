"""SoftMatch: every sample counts, less the further its confidence lies below the mean.

Source: Chen et al. 2023 (arXiv:2301.10921), equations 4 to 7 (a Gaussian cut off above its mean; here with
the authors' code's n: two deviations below count as one) and 8 (alignment towards equal shares, for the
weights alone: the class is the one before it).
Letters: see base; W ranks.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat
from torch import Tensor

from components.collectives import all_reduce_sum, world
from components.encoders.base import Encoder
from components.semisupervised.consistency import Seen, WeakStrong, WeakStrongConfig
from components.semisupervised.parts.alignment import aligned, everywhere


class SoftmatchConfig(WeakStrongConfig):
    """Options of SoftMatch."""

    name: Literal["softmatch"] = "softmatch"
    """Selects SoftMatch (Chen et al. 2023, arXiv:2301.10921)."""

    momentum: float = Field(default=0.99, ge=0, lt=1)
    """Momentum of the running means; the published 0.999 is for 2^20 steps, 0.99 suits thousands."""

    sharpness: PositiveFloat = 2.0
    """n: the Gaussian weight has the standard deviation of the confidences divided by n (authors' code:
    2)."""

    align: bool = True
    """Uniform alignment: compute weights from predictions moved towards equal class shares."""


def truncated(confidence: Tensor, mean: Tensor, variance: Tensor, sharpness: float) -> Tensor:
    """[U] weights exp(-min(c - mean, 0)^2 n^2 / (2 variance)).

    mean .7, variance .04, n 2: of c = .6 .6065307, of .5 .1353353, of .7 and above 1.
    """
    below = (confidence - mean).clamp(max=0)
    return torch.exp(-below.square() * sharpness**2 / (2 * variance.clamp(min=1e-12)))


def softmatch_loss(weak_logits: Tensor, strong_logits: Tensor, weights: Tensor) -> Tensor:
    """Mean over all U rows of weight * CE(strong, argmax of weak).

    Args:
        weak_logits: [U, K], strong_logits: [U, K], weights: [U]; gradient goes to strong_logits alone.

    Returns:
        [] nats; log K for equal strong logits and weights of 1.
    """
    each = F.cross_entropy(strong_logits, weak_logits.detach().argmax(dim=1), reduction="none")
    return (weights.detach() * each).mean()


class Softmatch(WeakStrong):
    """centre, variance: [] of the confidences; mean: [K] of p(weak); all running."""

    config: SoftmatchConfig
    centre: Tensor
    variance: Tensor
    mean: Tensor

    def __init__(
        self,
        config: SoftmatchConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        even = torch.full((classes,), 1.0 / classes)
        self.register_buffer("centre", even[0].clone())
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("mean", even)

    def consistency(self, seen: Seen) -> tuple[Tensor, dict[str, Tensor]]:
        confidence = self.confidence(seen.weak)
        weights = truncated(confidence, self.centre, self.variance, self.config.sharpness)
        loss = softmatch_loss(seen.weak, seen.strong, weights)
        return loss, {"mask": weights.mean(), "threshold": self.centre.clone()}

    @torch.no_grad()
    def confidence(self, logits: Tensor) -> Tensor:
        """[U, K] -> [U] largest probability of the aligned guess; the running figures follow in training."""
        step = 1 - self.config.momentum
        if self.config.align:
            if self.training:
                self.mean.lerp_(everywhere(logits.softmax(dim=1)), step)
            logits = aligned(logits, torch.full_like(self.mean, 1.0 / len(self.mean)), self.mean)
        found = logits.softmax(dim=1).amax(dim=1)
        if self.training:
            centre, count = everywhere(found), len(found) * world()
            spread = all_reduce_sum((found - centre).square().sum()) / max(count - 1, 1)  # unbiased
            self.centre.lerp_(centre, step)
            self.variance.lerp_(spread, step)
        return found
