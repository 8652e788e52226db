"""S4L: labels, and two pretext tasks beside them: which way up a picture is, and which views are of one picture.

Source: Zhai et al. 2019 (arXiv:1905.03670), section 4: rotation on four copies of every picture, labelled ones
included; exemplar as a triplet loss with soft margin on the hardest pairs of the batch (Hermans et al. 2017,
arXiv:1703.07737, equation 5). The paper trains with one of the two; here both, each with its weight, and two
views of a picture instead of eight. Labels are asked of the upright pictures.
Letters: see base; V = 2 views.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import NonNegativeFloat
from torch import Tensor, nn

from components.collectives import gather
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig


class S4lConfig(ConsistencyConfig):
    """Options of S4L."""

    name: Literal["s4l"] = "s4l"
    """Selects S4L (Zhai et al. 2019, arXiv:1905.03670)."""

    rotation: NonNegativeFloat = 1.0
    """Weight of rotation prediction (published: 1)."""

    exemplar: NonNegativeFloat = 1.0
    """Weight of the exemplar loss (published: 1); 0 makes no strong views."""


def turned(x: Tensor) -> Tensor:
    """[B, C, S, S] -> [4B, C, S, S]: all as they are, then all a quarter turn on, and so on."""
    return torch.cat([x.rot90(quarter, (2, 3)) for quarter in range(4)])


def exemplar_loss(a: Tensor, b: Tensor, index: Tensor) -> Tensor:
    """Mean over the 2U views of softplus(distance to the farthest view of the same row - to the nearest of
    another), distances between unit vectors, among the views of all processes.

    Args:
        a, b: [U, D] features of two views. index: [U] rows of the data set.

    Returns:
        [] nats; log 2 when all features are equal, 0 where there is one row alone.
    """
    with torch.autocast(a.device.type, enabled=False):
        here = F.normalize(at_least_float32(torch.cat([a, b])), dim=1)
        everywhere, rows = gather(here), gather(torch.cat([index, index]))
        squares = 2 - 2 * here @ everywhere.T
        distances = squares.clamp(min=1e-6).sqrt()
        same = torch.cat([index, index]).unsqueeze(1) == rows
        farthest = distances.masked_fill(~same, -torch.inf).amax(dim=1)
        nearest = distances.masked_fill(same, torch.inf).amin(dim=1)
        return F.softplus(farthest - nearest).mean()


class S4l(Consistency):
    needs = "image"
    config: S4lConfig

    def __init__(
        self,
        config: S4lConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.strong = 2 if config.exemplar > 0 else 0
        self.turn = nn.Linear(encoder.feature_dim, 4)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The unsupervised term: rotation * CE of the quarter turns + exemplar * triplets of the strong views."""
        parts, config = self.parts(batch), self.config
        labelled, upright = len(parts.weights), parts.weak[0]
        features = encoder(turned(upright))
        own, other = self.head(features[: len(upright)]).tensor_split([labelled])
        quarters = torch.arange(4, device=features.device).repeat_interleave(len(upright))
        rotation = F.cross_entropy(at_least_float32(self.turn(features)), quarters)
        both, figures = config.rotation * rotation, {"rotation": rotation}
        if self.strong:
            first, second = encoder(torch.cat(parts.strong)).chunk(2)
            figures["exemplar"] = exemplar_loss(first, second, parts.index[labelled:])
            both = both + config.exemplar * figures["exemplar"]
        return self.combined(parts, own, other, both, figures)
