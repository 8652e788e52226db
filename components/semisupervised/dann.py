"""DANN: features from which a judge cannot tell one domain from another.

Source: Ganin & Lempitsky 2015 (arXiv:1409.7495), equations 1 to 6 and the schedule of section 4. The two
domains: see domains; where both come from one distribution it does little. The judge is one hidden layer (published
for small images: 100); its two domains weigh the same whatever their rows.
Letters: see base.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.encoders.reversal import ganin, reverse
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig
from components.semisupervised.parts.domains import between


class DannConfig(ConsistencyConfig):
    """Options of DANN."""

    name: Literal["dann"] = "dann"
    """Selects DANN (Ganin & Lempitsky 2015, arXiv:1409.7495)."""

    hidden: PositiveInt = 100
    """Width of the domain classifier's hidden layer (published for small images: 100)."""


def domain_loss(source: Tensor, target: Tensor) -> Tensor:
    """[] nats: the mean of the judge's two cross-entropies, logits [S] of the source (0) and [T] of the target
    (1); log 2 for logits of 0."""
    return (F.softplus(at_least_float32(source)).mean() + F.softplus(-at_least_float32(target)).mean()) / 2


class Dann(Consistency):
    config: DannConfig
    strong = 0

    def __init__(
        self,
        config: DannConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.judge = nn.Sequential(
            nn.Linear(encoder.feature_dim, config.hidden), nn.ReLU(), nn.Linear(config.hidden, 1)
        )

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The encoder climbs the unsupervised term with lambda(progress)."""
        parts = self.parts(batch)
        features = encoder(parts.weak[0])
        own, other = self.head(features).tensor_split([len(parts.weights)])
        with torch.autocast(features.device.type, enabled=False):
            judged = self.judge(reverse(at_least_float32(features), ganin(self.progress))).squeeze(1)
        domain = between(domain_loss, judged, batch)
        return self.combined(parts, own, other, domain, {})
