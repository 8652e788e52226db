"""FreeMatch: FixMatch whose thresholds follow how sure the network has become, as a whole and of each class.

Source: Wang et al. 2023 (arXiv:2205.07246), equations 5 to 8 (thresholds) and 9 to 11 (fairness).
Letters: see base.
"""

from typing import Literal

import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from components.collectives import all_reduce_sum
from components.encoders.base import Encoder
from components.semisupervised.consistency import Seen, WeakStrong, WeakStrongConfig
from components.semisupervised.flexmatch import class_threshold_loss
from components.semisupervised.parts.alignment import everywhere


class FreematchConfig(WeakStrongConfig):
    """Options of FreeMatch."""

    name: Literal["freematch"] = "freematch"
    """Selects FreeMatch (Wang et al. 2023, arXiv:2205.07246)."""

    momentum: float = Field(default=0.99, ge=0, lt=1)
    """Momentum of the running means; the published 0.999 is for 2^20 steps, 0.99 suits thousands."""

    fairness: NonNegativeFloat = 0.001
    """Weight of the fairness term, beside `weight`."""


def own_thresholds(confidence: Tensor, mean: Tensor) -> Tensor:
    """[K] confidence * mean / max mean; .8 with shares .5, .3, .2: .8, .48, .32.

    confidence: [] running mean of max p; mean: [K] of p.
    """
    return confidence * mean / mean.max()


def unfairness(strong_logits: Tensor, mask: Tensor, mean: Tensor, histogram: Tensor) -> Tensor:
    """sum_k a_k log b_k, a = mean / histogram of the weak views so far, b = that of the kept strong ones now.

    Both are scaled to sum 1; a class without samples counts 0 in them. Falls as b gets unlike a: this is the
    paper's -H(a, b).

    Args:
        strong_logits: [U, K]; mask: [U] bool; mean, histogram: [K], no gradient.

    Returns:
        [] <= 0, over the samples of all processes, the same on each; -log K where a and b are even, 0 where
        no sample is kept.
    """
    p = strong_logits.softmax(dim=1) * mask.unsqueeze(1)
    kept = torch.zeros_like(p).scatter_(1, p.argmax(dim=1, keepdim=True), 1.0) * mask.unsqueeze(1)
    sums, counts = all_reduce_sum(p.sum(dim=0)), all_reduce_sum(kept.sum(dim=0))
    a = torch.where(histogram > 0, mean / histogram.clamp(min=1e-12), 0.0)
    b = torch.where(counts > 0, sums / counts.clamp(min=1), 0.0)
    a, b = a / a.sum().clamp(min=1e-12), b / b.sum().clamp(min=1e-12)
    return (counts.sum() > 0) * (a * (b + 1e-12).log()).sum()


class Freematch(WeakStrong):
    """confidence: [] mean of max p(weak); mean: [K] of p(weak); histogram: [K] of its argmax; all running."""

    config: FreematchConfig
    confidence: Tensor
    mean: Tensor
    histogram: Tensor

    def __init__(
        self,
        config: FreematchConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        even = torch.full((classes,), 1.0 / classes)
        self.register_buffer("confidence", even[0].clone())
        self.register_buffer("mean", even.clone())
        self.register_buffer("histogram", even.clone())

    def consistency(self, seen: Seen) -> tuple[Tensor, dict[str, Tensor]]:
        if self.training:
            self.follow(seen.weak.softmax(dim=1))
        limits = own_thresholds(self.confidence, self.mean)
        loss, mask = class_threshold_loss(seen.weak, seen.strong, limits)
        unfair = unfairness(seen.strong, mask, self.mean, self.histogram)
        figures = {"mask": mask.float().mean(), "threshold": self.confidence.clone(), "unfairness": unfair}
        return loss + self.config.fairness * unfair, figures

    @torch.no_grad()
    def follow(self, p: Tensor) -> None:
        """p: [U, K] of the weak views, before their targets are made."""
        step = 1 - self.config.momentum
        chosen = torch.zeros_like(p).scatter_(1, p.argmax(dim=1, keepdim=True), 1.0)
        now = ((self.confidence, p.amax(dim=1)), (self.mean, p), (self.histogram, chosen))
        for running, values in now:
            running.lerp_(everywhere(values), step)
