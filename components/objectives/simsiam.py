"""SimSiam: predict the other view's embedding, held still; no teacher, nothing repels.

Source: Chen & He 2020 (arXiv:2011.10566), equations 1 to 4 and algorithm 1. What keeps it from collapse is
that the target takes no gradient.
Published: head of three layers of 2048, each with batch norm; predictor 512-2048, a bottleneck; SGD .05 at
batch 256, 100 epochs. Here: 512 and 128, the same proportion.
Differs: both views pass as one batch, for batch norm, too.
Letters: B samples on this rank, E embedding size.
"""

from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses, Objective, ViewSpec
from components.objectives.parts.multicrop import encode
from components.objectives.parts.two_views import projector, same_shape, two_views, unit


class SimsiamConfig(Config):
    """Options of SimSiam."""

    name: Literal["simsiam"] = "simsiam"
    """Selects SimSiam (Chen & He 2020, arXiv:2011.10566)."""

    embedding: PositiveInt = 512
    """Width of all layers of the projector, and embedding size E (published: 2048)."""

    bottleneck: PositiveInt = 128
    """Width of the predictor's hidden layer, a quarter of `embedding` (published: 512)."""


def negative_cosine(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean over rows of -cos. prediction, target: [B, E]; the target takes no gradient.

    Returns:
        [] between -1 (same direction) and 1; 0 for orthogonal rows.

    Raises:
        UserError: they are not two equal [B, E].
    """
    same_shape(prediction, target, "simsiam")
    with torch.autocast(prediction.device.type, enabled=False):
        return -(unit(prediction) * unit(target.detach())).sum(dim=1).mean()


class Simsiam(Objective):
    views: ViewSpec = (("global", 2),)

    def __init__(self, config: SimsiamConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        self.head = projector(encoder.feature_dim, config.embedding, config.embedding, layers=3)
        self.predictor = mlp_head(config.embedding, config.bottleneck, config.embedding)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [], the mean of both directions, between -1 and 1.

        Raises:
            UserError: not two views.
        """
        embeddings = self.head(torch.cat(encode(encoder, two_views(batch, "simsiam"))))
        first, second = embeddings.chunk(2)
        of_first, of_second = self.predictor(embeddings).chunk(2)
        return Losses((negative_cosine(of_first, second) + negative_cosine(of_second, first)) / 2)

    def predictions(self, features: Tensor) -> Tensor:
        found: Tensor = self.predictor(self.head(features))
        return found
