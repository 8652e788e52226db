"""Virtual adversarial training: what the network says of a sample should not change in the direction in
which it changes most.

Source: Miyato et al. 2018 (arXiv:1704.03976), equations 5 to 8 and algorithm 1. The perturbed passes
normalise by their own batch and leave batch norm's running figures as they were (see still).
Deviations: the length of a perturbation is given for a pixel, so that views of another size are perturbed as
strongly: the published 6 for 3 x 32 x 32 standardised pixels of deviation 1/4 is 6 / sqrt(3072) / 4 = .027
in [0, 1]. The probe has length 1e-3 instead of 1e-6, which float32 can hardly tell from nothing: for a small
untrained resnet on 16 x 16 pixels the direction found with 1e-6 has a cosine of .36 with that of float64, the
one found with 1e-3 of .999.
Letters: see base; B = L + U.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.sample_rng import Chance
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig
from components.semisupervised.parts.batchnorm import frozen_bn_stats


class VatConfig(ConsistencyConfig):
    """Options of virtual adversarial training."""

    name: Literal["vat"] = "vat"
    """Selects virtual adversarial training (Miyato et al. 2018, arXiv:1704.03976)."""

    epsilon: PositiveFloat = 0.027
    """Root mean square of the perturbation over the pixels, which are in [0, 1] (0.027 is the published one
    of CIFAR-10)."""

    probe: PositiveFloat = 1e-3
    """Xi: length of the probe of the power method (published: 1e-6; 1e-3 suits float32)."""

    iterations: PositiveInt = 1
    """Iterations of the power method (published: 1)."""


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """[B] KL(p || q) of rows of logarithms [B, K]; 0 where they are equal."""
    return F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(dim=1)


def unit(d: Tensor) -> Tensor:
    """[B, ...] each row of length 1 over all its dimensions; a row of zeros stays."""
    return F.normalize(d.flatten(1), dim=1).reshape(d.shape)


def adversarial(
    logits: Callable[[Tensor], Tensor], x: Tensor, log_p: Tensor, start: Tensor, probe: float, iterations: int
) -> Tensor:
    """The direction of length 1 in which KL(p(x) || p(x + d)) grows most.

    Args:
        logits: [B, ...] -> [B, K]. x: [B, ...]. log_p: [B, K] of x. start: like x, random.

    Returns:
        Like x, without gradient. Of a linear network of two classes: plus or minus the difference of their
        weights, whatever the start.
    """
    x, d = x.detach(), unit(start)
    for _ in range(iterations):
        with torch.enable_grad():
            d = (probe * d).requires_grad_()
            cost = divergence(log_p.detach(), at_least_float32(logits(x + d)).log_softmax(dim=1)).sum()
            (slope,) = torch.autograd.grad(cost, d)
        d = unit(slope)
    return d.detach()


class Vat(Consistency):
    """One view of every row, labelled ones too, and its perturbation; the mean is over all of them."""

    needs = "continuous"
    config: VatConfig
    strong = 0

    def __init__(
        self, config: VatConfig, encoder: Encoder, classes: int, rows: int = 0, prior: Tensor | None = None
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.chance = Chance()

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """In float32 throughout: two passes in less differ by their rounding, whatever the direction."""
        parts, config = self.parts(batch), self.config
        x = parts.weak[0]

        def logits(x: Tensor) -> Tensor:
            return at_least_float32(self.head(encoder(x)))

        with torch.autocast(x.device.type, enabled=False):
            clean = logits(x)
            log_p = clean.detach().log_softmax(dim=1)
            start = self.chance.normal(batch.index, *x.shape[1:]).to(x)
            with frozen_bn_stats(encoder):
                d = adversarial(logits, x, log_p, start, config.probe, config.iterations)
                length = config.epsilon * math.sqrt(x[0].numel())
                unsupervised = divergence(log_p, logits(x + length * d).log_softmax(dim=1)).mean()
            own, others = torch.split(clean, [len(parts.weights), len(parts.pseudo_weights)])
            return self.combined(parts, own, others, unsupervised, {})

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
