"""Labels alone: the baseline that every semi-supervised method has to beat.

Letters: see base.
"""

from typing import Literal

from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.semisupervised.base import Method, weighted_cross_entropy


class SupervisedConfig(Config):
    name: Literal["supervised"] = "supervised"


class Supervised(Method):
    strong = 0
    uses_unlabelled = False

    def __init__(
        self,
        config: SupervisedConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(encoder, classes, prior)
        self.config = config

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Cross-entropy of the labelled rows' weak views; unlabelled rows are not looked at."""
        parts = self.parts(batch)
        logits = self.head(encoder(parts.weak[0][: len(parts.targets)]))
        loss = weighted_cross_entropy(logits, parts.targets, parts.weights)
        return Losses(loss, {"supervised": loss.detach()})
