"""VIME's semi-supervised part: predictions for several corrupted copies of a row shall not vary.

Source: Yoon et al. 2020 (NeurIPS 33), section 4.2, loss L_u, and the code that its authors published: the variance of
the logits over K corrupted copies of an unlabelled row, beside the cross-entropy of the labels.
Deviations: the copies are the strong views of the recipe (published: a share of .3 of the cells is drawn anew); the
encoder learns too, unless `encoder_rate` is 0 as published.
Letters: see base; V views, the paper's K.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig


class VimeSemiConfig(ConsistencyConfig):
    """Options of the semi-supervised part of VIME. `weight` is the paper's beta (published: 1)."""

    name: Literal["vime_semi"] = "vime_semi"
    """Selects the semi-supervised part of VIME (Yoon et al. 2020)."""

    views: int = Field(default=3, ge=2)
    """Corrupted copies of each unlabelled row (published: 3)."""


def variance(logits: Tensor) -> Tensor:
    """[V, U, K] -> [] mean over rows and classes of the variance over the V views (divided by V).

    Logits of 0 and 2 in two views: 1.
    """
    return at_least_float32(logits).var(dim=0, correction=0).mean()


class VimeSemi(Consistency):
    needs = "table"
    config: VimeSemiConfig

    def __init__(
        self,
        config: VimeSemiConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.strong = config.views

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Pseudo-labels made before the training are targets of the mean of the views' logits."""
        parts = self.parts(batch)
        labelled = len(parts.weights)
        seen = self.head(encoder(torch.cat([parts.weak[0][:labelled], *parts.strong])))
        own, others = seen.tensor_split([labelled])
        views = torch.stack(others.chunk(self.config.views))
        with torch.autocast(seen.device.type, enabled=False):
            return self.combined(parts, own, at_least_float32(views).mean(dim=0), variance(views), {})
