"""SCARF: a row and the same row with cells of other rows attract; the corrupted rows of other samples repel.

Source: Bahri et al. 2022 (arXiv:2106.15147), algorithm 1: InfoNCE of the embeddings of clean rows with those of
corrupted ones. The corruption, a share of 0.6 of the cells, is that of the second view (pretrain.views).
Differs: the value is the cross-entropy, which is the paper's plus log B (its mean over the batch is inside the
logarithm); the gradient is the same.
Letters: B samples on this rank, W ranks, D feature size, E embedding size.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveFloat, PositiveInt

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses, Objective, ViewSpec
from components.objectives.parts.multicrop import encode
from components.objectives.parts.two_views import of_own_key, two_views


class ScarfConfig(Config):
    """Options of SCARF."""

    name: Literal["scarf"] = "scarf"
    """Selects SCARF (Bahri et al. 2022, arXiv:2106.15147)."""

    hidden: PositiveInt | None = None
    """Width of the projector's hidden layers; null: the feature size."""

    embedding: PositiveInt = 128
    """Embedding size E (published: 256)."""

    layers: int = Field(default=2, ge=1)
    """Number of the projector's layers (published: 2)."""

    temperature: PositiveFloat = 1.0
    """Divides the cosines between embeddings (published: 1)."""


class Scarf(Objective):
    """One plain view, which anchors, and one corrupted one."""

    needs = "table"
    views: ViewSpec = (("plain", 1), ("global", 1))

    def __init__(self, config: ScarfConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        size = encoder.feature_dim
        self.head = mlp_head(size, config.hidden or size, config.embedding, config.layers)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """A clean view and a corrupted one -> total: [] nats, log(WB) when nothing is told apart.

        Raises:
            UserError: not two views, or one sample alone.
        """
        views = two_views(batch, "scarf", samples=2)
        clean, corrupted = self.head(torch.cat(encode(encoder, views))).chunk(2)
        return Losses(of_own_key(clean, corrupted, temperature=self.config.temperature, name="scarf"))
