"""MoCo v3: a predicted query finds its key, made by a slow teacher, among those of the batch; no queue.

Source: Chen, Xie & He 2021 (arXiv:2104.02057), equation 1 and algorithm 1: the loss times twice the
temperature, both directions summed, a teacher whose momentum rises to 1 by a cosine.
Published: batch 4096, head and predictor 4096-256, momentum .99, temperature .2 (ViT; 1 for a ResNet). Here:
hidden 512, embedding 128. momentum .99 fits short runs, too: a memory of 1 / (1 - momentum) = 100 steps;
choose 1 - 10 / steps for fewer than a thousand.
Differs: a ResNet's head for every encoder (two layers, batch norm after the last); both views pass as one
batch, for batch norm, too.
Letters: B samples on this rank, W ranks, E embedding size.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses, Objective, ViewSpec
from components.objectives.parts.multicrop import encode
from components.objectives.parts.teacher import follow, rising, teacher_of
from components.objectives.parts.two_views import of_own_key, projector, two_views


class Mocov3Config(Config):
    """Options of MoCo v3."""

    name: Literal["mocov3"] = "mocov3"
    """Selects MoCo v3 (Chen, Xie & He 2021, arXiv:2104.02057)."""

    hidden: PositiveInt = 512
    """Width of the hidden layers of projector and predictor (published: 4096)."""

    embedding: PositiveInt = 128
    """Embedding size E (published: 256)."""

    temperature: PositiveFloat = 0.2
    """Divides the cosines between queries and keys (published: 0.2 for ViT, 1 for ResNet)."""

    momentum: float = Field(default=0.99, ge=0, le=1)
    """EMA momentum of the teacher at the start; it rises to 1 (published: 0.99)."""


def contrast(query: Tensor, key: Tensor, *, temperature: float) -> Tensor:
    """`of_own_key` times twice the temperature; the key takes no gradient. 2 t log(WB) when all are equal."""
    return 2 * temperature * of_own_key(query, key.detach(), temperature=temperature, name="mocov3")


class Mocov3(Objective):
    """teacher: encoder and head that follow the student's; the predictor is the student's alone."""

    views: ViewSpec = (("global", 2),)

    def __init__(self, config: Mocov3Config, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        self.head = projector(encoder.feature_dim, config.hidden, config.embedding, layers=2)
        self.predictor = mlp_head(config.embedding, config.hidden, config.embedding)
        self.teacher = teacher_of(nn.Sequential(encoder, self.head))

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [], both directions summed.

        Raises:
            UserError: not two views, or one sample alone.
        """
        views, t = two_views(batch, "mocov3", samples=2), self.config.temperature
        with torch.no_grad():
            first_key, second_key = encode(self.teacher, views)
        first, second = self.predictor(self.head(torch.cat(encode(encoder, views)))).chunk(2)
        there = contrast(first, second_key, temperature=t)
        back = contrast(second, first_key, temperature=t)
        return Losses(there + back)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        follow(self.teacher, nn.Sequential(encoder, self.head), rising(self.config.momentum, progress))

    def predictions(self, features: Tensor) -> Tensor:
        found: Tensor = self.predictor(self.head(features))
        return found
