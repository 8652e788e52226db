"""UDA: what the network says of a weak view, made surer, is the target of a strong one.

Source: Xie et al. 2020 (arXiv:1904.12848), equation 1 and sections 2.2 and 2.4: targets with temperature .4,
of samples above .8 alone; training signal annealing: a label counts only while the network is not yet as sure
of it as the training is far. The cross-entropy has the gradient of the paper's divergence.
Letters: see base.
"""

from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat
from torch import Tensor

from components.collectives import all_reduce_sum, world
from components.precision import at_least_float32
from components.semisupervised.base import Parts
from components.semisupervised.consistency import Seen, WeakStrong, WeakStrongConfig
from components.semisupervised.parts.sharpening import sharpen
from components.semisupervised.parts.smoothing import shares

Annealing = Literal["none", "linear", "log", "exp"]


class UdaConfig(WeakStrongConfig):
    """Options of UDA."""

    name: Literal["uda"] = "uda"
    """Selects UDA (Xie et al. 2020, arXiv:1904.12848)."""

    threshold: float = Field(default=0.8, ge=0, lt=1)
    """Smallest confidence of the prediction for a weak view that becomes a target (published: 0.8)."""

    temperature: PositiveFloat = 0.4
    """Temperature that sharpens the targets (published: 0.4)."""

    annealing: Annealing = "none"
    """Training signal annealing: how fast labels are released; `exp` suits few labels, which are soon
    memorised."""


def uda_loss(
    weak_logits: Tensor, strong_logits: Tensor, threshold: float, temperature: float
) -> tuple[Tensor, Tensor]:
    """Mean over *all* U rows of mask * CE(strong, sharpened weak), mask = (max p(weak) >= threshold).

    Args:
        weak_logits: [U, K], the targets' side: no gradient goes there. strong_logits: [U, K].

    Returns:
        [] nats and the mask [U] bool; log K for equal strong logits and a threshold of 0.
    """
    log_p = weak_logits.detach().log_softmax(dim=1)
    mask = log_p.exp().amax(dim=1) >= threshold
    each = F.cross_entropy(strong_logits, sharpen(log_p, temperature), reduction="none")
    return (mask * each).mean(), mask


def ceiling(progress: Tensor, classes: int, annealing: Annealing) -> Tensor:
    """[] the probability from which on a label no longer counts: a (1 - 1/K) + 1/K.

    a at progress x: x (linear), 1 - exp(-5 x) (log), exp(5 (x - 1)) (exp), 1 (none). K = 10, linear, halfway:
    .55.
    """
    a = {
        "none": torch.ones_like(progress),
        "linear": progress,
        "log": 1 - torch.exp(-5 * progress),
        "exp": torch.exp(5 * (progress - 1)),
    }[annealing]
    return a * (1 - 1 / classes) + 1 / classes


class Uda(WeakStrong):
    config: UdaConfig

    def consistency(self, seen: Seen) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        loss, mask = uda_loss(seen.weak, seen.strong, config.threshold, config.temperature)
        return loss, {"mask": mask.float().mean()}

    def supervised(self, own: Tensor, parts: Parts) -> Tensor:
        """The mean over the labels that still count, of all processes.

        own: [L, K] -> [].
        """
        if self.config.annealing == "none":
            return super().supervised(own, parts)
        p = at_least_float32(own.detach()).softmax(dim=1)
        sure = (p * shares(parts.targets, own.shape[1])).sum(dim=1)
        let_in = sure < ceiling(self.progress, own.shape[1], self.config.annealing)
        counts = (let_in & (parts.weights > 0)).to(p.dtype)
        share = all_reduce_sum(counts.mean()) / world()
        scale = counts / share.clamp(min=0.5 / (len(own) * world()))
        return super().supervised(own, replace(parts, weights=parts.weights * scale))
