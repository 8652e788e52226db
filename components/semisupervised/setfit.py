"""SetFit: the encoder learns from pairs of labelled samples, which are of one class or not; the head is logistic
regression on its features.

Source: Tunstall et al. 2022 (arXiv:2209.11055), section 3: cosine similarity of a pair against 1 or 0, squared error,
as many pairs of one class as of two.
Deviations: all pairs of a batch instead of a sample of them, the two kinds weighted equally; the head learns along, on
features through which no gradient passes, instead of being fitted when the encoder is done; for its last part the
training changes the head alone. Unlabelled samples have no part in it.
Letters: see base; A = labelled rows of all ranks.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from components.collectives import gather, world
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.base import Method, Settings
from components.semisupervised.parts.smoothing import shares


class SetfitConfig(Settings):
    """Options of SetFit."""

    name: Literal["setfit"] = "setfit"
    """Selects SetFit (Tunstall et al. 2022, arXiv:2209.11055)."""

    pairs: NonNegativeFloat = 1.0
    """Weight of the loss of pairs beside that of the head; no parameter learns from both."""

    until: float = Field(default=0.8, gt=0, le=1)
    """Share of training after which the encoder stays as it is and the head alone learns."""


def pair_loss(features: Tensor, targets: Tensor, weights: Tensor, rows: Tensor) -> Tensor:
    """Half the mean of (1 - cosine)^2 over pairs of one class, plus half that of cosine^2 over pairs of two.

    Args:
        features: [L, D], with gradient. targets: [L, K] class shares; a pair counts as of one class by their product.
        weights: [L] >= 0; a pair has the product of its two. rows: [L] of the data set: views of one row are no pair.

    Returns:
        [] >= 0, of the pairs of all processes; .5 where all features are equal, 0 where there is no pair. Two rows of
        one class at a cosine of .6: .08; of two classes: .18.
    """
    with torch.autocast(features.device.type, enabled=False):
        z = F.normalize(at_least_float32(features), dim=1)
        y = targets.to(z)
        every, classes, weight, row = (gather(part) for part in (z, y, weights.to(z), rows))
        alike, both = y @ classes.T, weights.to(z).unsqueeze(1) * weight * (rows.unsqueeze(1) != row)
        pairs = weight.unsqueeze(1) * weight * (row.unsqueeze(1) != row)
        same = (pairs * (classes @ classes.T)).sum()
        other = (pairs * (1 - classes @ classes.T)).sum()
        cosine = z @ every.T
        drawn = (both * alike * (1 - cosine).square()).sum() / same.clamp_min(1e-12)
        parted = (both * (1 - alike) * cosine.square()).sum() / other.clamp_min(1e-12)
        return world() * (drawn + parted) / 2


class Setfit(Method):
    strong = 0
    uses_unlabelled = False

    def __init__(
        self,
        config: SetfitConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(encoder, classes, prior, config, rows)
        self.config = config

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The loss of pairs, from which the encoder learns, and that of the labels, from which the head does."""
        parts = self.parts(batch)
        labelled = len(parts.weights)
        features = encoder(parts.weak[0][:labelled])
        supervised = self.label_loss(self.head(features.detach()), parts)
        y = shares(parts.targets, self.head.out_features)
        pairs = pair_loss(features, y, parts.weights, parts.index[:labelled])
        tuned = (self.progress < self.config.until).to(pairs)
        total = supervised + self.config.pairs * tuned * pairs
        return Losses(total, {"supervised": supervised.detach(), "pairs": pairs.detach()})
