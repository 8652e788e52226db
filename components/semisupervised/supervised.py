"""Labels alone: the baseline that every semi-supervised method has to beat.

Letters: see base.
"""

from typing import Literal

from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.semisupervised.base import Method, take_apart, weighted_cross_entropy


class SupervisedConfig(Config):
    name: Literal["supervised"] = "supervised"


class Supervised(Method):
    uses_unlabelled = False

    def __init__(
        self, config: SupervisedConfig, feature_dim: int, classes: int, prior: Tensor | None = None
    ) -> None:
        super().__init__(feature_dim, classes)
        self.config = config

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Cross-entropy of the labelled rows' weak views; unlabelled rows are not looked at."""
        parts = take_apart(batch)
        logits = self.head(encoder(parts.weak[: len(parts.targets)]))
        loss = weighted_cross_entropy(logits, parts.targets, parts.weights)
        return Losses(loss, {"supervised": loss.detach()})
