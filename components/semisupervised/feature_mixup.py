"""Mixup of features: whatever the samples are, what stands for them can be mixed.

Sources: manifold mixup, Verma et al. 2019 (arXiv:1806.05236), section 2, for the labels; interpolation consistency,
Verma et al. 2019 (arXiv:1903.03825), equation 1, for unlabelled samples: the prediction for a mixture is the mixture of
the predictions.
Deviations: the features that the head sees are mixed, where the first mixes a layer drawn at random; mixing shares are
Beta(a, a) with a of 1 at most (published: 2); the targets of unlabelled samples come from the network itself, without
gradient, where the second has a mean teacher's.
Letters: see base.
"""

from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.sample_rng import Chance
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig, squared_difference
from components.semisupervised.parts.mixing import LABELLED, UNLABELLED, mix_features
from components.semisupervised.parts.ramps import linear
from components.semisupervised.parts.smoothing import shares


class FeatureMixupConfig(ConsistencyConfig):
    """Options of mixup of features."""

    name: Literal["feature_mixup"] = "feature_mixup"
    """Selects mixup of features (manifold mixup, Verma et al. 2019, arXiv:1806.05236)."""

    concentration: float = Field(default=1.0, gt=0, le=1)
    """Parameter a of Beta(a, a), from which mixing shares are drawn (published: 2; 1 draws them evenly)."""

    rampup: float = Field(default=0.25, ge=0, le=1)
    """Share of training in which the weight of the unsupervised term grows (published: 0.25)."""


class FeatureMixup(Consistency):
    config: FeatureMixupConfig
    strong = 0

    def __init__(
        self,
        config: FeatureMixupConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.chance = Chance()

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Labelled features are mixed with labelled ones, unlabelled with unlabelled ones."""
        parts, config = self.parts(batch), self.config
        size = len(parts.weights)
        own, other = encoder(parts.weak[0]).tensor_split([size])
        labels = shares(parts.targets, self.head.out_features) * parts.weights.unsqueeze(1)
        x, targets = mix_features(
            self.chance, own, labels, parts.index[:size], config.concentration, LABELLED
        )
        guessed = self.head(other)
        guess = at_least_float32(guessed.detach()).softmax(dim=1)
        between, wanted = mix_features(
            self.chance, other, guess, parts.index[size:], config.concentration, UNLABELLED
        )
        logits, others = self.head(torch.cat([x, between])).tensor_split([size])
        with torch.autocast(logits.device.type, enabled=False):
            unsupervised = squared_difference(others, wanted)
            parts = replace(parts, targets=targets, weights=torch.ones_like(parts.weights))
            ramp = linear(self.progress, config.rampup)
            return self.combined(parts, logits, guessed, unsupervised, {"ramp": ramp}, ramp)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
