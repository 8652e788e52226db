"""Deep CORAL: features of two domains shall vary together in the same way.

Source: Sun & Saenko 2016 (arXiv:1607.01719), equations 1 to 4. Published for the logits of the last layer; here for
the features, which the head reads. The two domains: see domains.
Letters: see base.
"""

from typing import Literal

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig
from components.semisupervised.parts.domains import between


class CoralConfig(ConsistencyConfig):
    """Options of Deep CORAL."""

    name: Literal["coral"] = "coral"
    """Selects Deep CORAL (Sun & Saenko 2016, arXiv:1607.01719)."""

    weight: NonNegativeFloat = 100.0
    """Weight of the distance; published such that it ends as large as the supervised loss (distances are
    small)."""


def covariance(x: Tensor) -> Tensor:
    """[N, D] -> [D, D], divided by N - 1."""
    centred = x - x.mean(dim=0)
    return centred.T @ centred / (len(x) - 1)


def coral_loss(source: Tensor, target: Tensor) -> Tensor:
    """|C(source) - C(target)|_F^2 / (4 D^2); 0 for equal covariances.

    Args:
        source: [S, D]; target: [T, D].

    Raises:
        UserError: fewer than two rows of either, which have no covariance.
    """
    with torch.autocast(source.device.type, enabled=False):
        source, target = at_least_float32(source), at_least_float32(target)
        if min(len(source), len(target)) < 2:
            raise UserError(
                "batch-too-small",
                f"coral needs 2 labelled and 2 unlabelled samples a step, got {len(source)} and {len(target)}; "
                f"raise batch_size or ratio",
            )
        return (covariance(source) - covariance(target)).square().sum() / (4 * source.shape[1] ** 2)


class Coral(Consistency):
    config: CoralConfig
    strong = 0

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The unsupervised term is the distance of the covariances."""
        parts = self.parts(batch)
        features = encoder(parts.weak[0])
        own, other = self.head(features).tensor_split([len(parts.weights)])
        distance = between(coral_loss, features, batch)
        return self.combined(parts, own, other, distance, {})
