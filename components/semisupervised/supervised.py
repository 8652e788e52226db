"""Labels alone: the baseline that every semi-supervised method has to beat. With `entropy` above 0 it is
entropy minimisation (Grandvalet & Bengio 2004), which looks at unlabelled rows too.

Letters: see base.
"""

from typing import Literal

from torch import Tensor

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.semisupervised.base import Method, Settings


class SupervisedConfig(Settings):
    """Options of training on labels alone, the baseline of every method."""

    name: Literal["supervised"] = "supervised"
    """Selects training on labels alone; with `entropy` above 0 entropy minimisation (Grandvalet & Bengio
    2004)."""


def labels_alone(method: Settings) -> SupervisedConfig:
    """The baseline of a method: what labels cost, and whether they are mixed, is as the method has it."""
    return SupervisedConfig(loss=method.loss, mix=method.mix)


class Supervised(Method):
    strong = 0

    def __init__(
        self,
        config: SupervisedConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(encoder, classes, prior, config, rows)
        self.config = config
        self.uses_unlabelled = config.entropy > 0

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The loss of the labelled rows' weak views; unlabelled rows are looked at for their entropy alone."""
        parts = self.parts(batch)
        labelled = len(parts.weights)
        seen = parts.weak[0] if self.uses_unlabelled else parts.weak[0][:labelled]
        logits = self.head(encoder(seen))
        loss = self.label_loss(logits[:labelled], parts)
        figures = {"supervised": loss.detach()}
        if self.uses_unlabelled:
            unsure = self.entropy_loss(logits[labelled:])
            loss, figures = loss + unsure, {**figures, "entropy": unsure.detach()}
        return Losses(loss, figures)
