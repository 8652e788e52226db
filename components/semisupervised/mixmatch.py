"""MixMatch: labels and sharpened guesses, all drawn towards each other.

Source: Berthelot et al. 2019 (arXiv:1905.02249), algorithm 1 and equations 2 to 10. The guesses' passes leave
batch norm's running figures as they were (see still).
Chance: how much a row is mixed and with whom is drawn by row, view and step over the rows of all processes,
which pass each other their views; so neither the order of rows nor the number of processes changes it. The
partner is the next one in a cyclic order of hashes, a random permutation in which nobody is alone.
Deviations: a label of weight w < 1 leaves 1 - w to the guess; of a given pseudo-label the share that is its
own row's counts.
Letters: see base; M = L + 2 U rows that are mixed.
"""

from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from components.collectives import gather, rank
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.sample_rng import Chance
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig, squared_difference
from components.semisupervised.parts.batchnorm import frozen_bn_stats
from components.semisupervised.parts.mixup import TRIES, beta, mixed, partners
from components.semisupervised.parts.ramps import linear
from components.semisupervised.parts.sharpening import sharpen
from components.semisupervised.parts.smoothing import shares


class MixmatchConfig(ConsistencyConfig):
    """Options of MixMatch."""

    name: Literal["mixmatch"] = "mixmatch"
    """Selects MixMatch (Berthelot et al. 2019, arXiv:1905.02249)."""

    weight: float = Field(default=75.0, ge=0)
    """Lambda_u: largest weight of the unsupervised term (published for CIFAR-10: 75)."""

    temperature: PositiveFloat = 0.5
    """Temperature that sharpens the guessed labels (published: 0.5)."""

    concentration: float = Field(default=0.75, gt=0, le=1)
    """Parameter a of Beta(a, a), from which mixing shares are drawn (published: 0.75)."""

    rampup: float = Field(default=0.4, ge=0, le=1)
    """Share of training in which the weight grows (published: 16,000 steps, more than most trainings here
    have)."""


def guessed(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """[B, K] the sharpened mean of what is said of two views; logits [B, K] both, no gradient goes there."""
    mean = (first.detach().softmax(dim=1) + second.detach().softmax(dim=1)) / 2
    return sharpen(mean.clamp(min=1e-12).log(), temperature)


class Mixmatch(Consistency):
    """The first weak view of labelled rows, both of the others."""

    needs = "continuous"
    config: MixmatchConfig
    weak = 2
    strong = 0

    def __init__(
        self,
        config: MixmatchConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.chance = Chance()

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts = self.parts(batch)
        (first, second), size = parts.weak, len(parts.weights)
        with torch.no_grad(), frozen_bn_stats(encoder):
            said = self.head(encoder(torch.cat([first, second])))
        guess = guessed(
            at_least_float32(said[: len(first)]),
            at_least_float32(said[len(first) :]),
            self.config.temperature,
        )
        weight = parts.weights.unsqueeze(1)
        labels = weight * shares(parts.targets, guess.shape[1]) + (1 - weight) * guess[:size]
        target = torch.cat([labels, guess[size:], guess[size:]])
        share, other = self.draw(batch.index[:size], batch.index[size:])
        x, target = (
            mixed(mine, gather(mine.detach())[other], share)
            for mine in (torch.cat([first, second[size:]]), target)
        )
        logits = self.head(encoder(x))
        with torch.autocast(logits.device.type, enabled=False):
            unsupervised = squared_difference(logits[size:], target[size:])
            ramp = linear(self.progress, self.config.rampup)
            parts = replace(
                parts,
                targets=target[:size],
                weights=torch.ones_like(parts.weights),
                pseudo_targets=parts.pseudo_targets.repeat(2),
                pseudo_weights=parts.pseudo_weights.repeat(2) * share[size:],
            )
            return self.combined(parts, logits[:size], logits[size:], unsupervised, {"ramp": ramp}, ramp)

    def draw(self, labelled: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        """[L], [U] rows -> [M] own share, at least a half, and [M] the partner's place among those of all."""
        parts = ((labelled, 0), (others, 1), (others, 2))
        hashes = torch.cat([self.chance.uniform(rows, 2, stream=stream).double() for rows, stream in parts])
        draws = torch.cat([self.chance.uniform(rows, TRIES, 2, stream=3 + stream) for rows, stream in parts])
        share = beta(draws, self.config.concentration)
        start, count = rank() * len(share), len(share)
        other = partners(gather(hashes[:, 0] + hashes[:, 1] / (1 << 24)))[start : start + count]
        return torch.maximum(share, 1 - share), other

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
