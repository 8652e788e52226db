"""NNCLR: the positive of a view is the nearest neighbour of the sample's other view among earlier samples.

Source: Dwibedi et al. 2021 (arXiv:2104.14548), equations 2 and 3 and algorithm 1.
Published: support queue 98304, temperature .1, head 2048-2048-256 and predictor 4096-256 with batch norm,
batch 4096. Here: a queue of a quarter of the samples (see queue), hidden 512, embedding 128, for small data
and CPUs.
The queue starts as random directions, as published; embeddings at the start lie so near each other that a
neighbour is a sample as soon as there is one.
Letters: B samples on this rank, W ranks, Q rows of the queue, E embedding size.
"""

from typing import Any, Literal

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses, Objective, ViewSpec
from components.objectives.parts.multicrop import encode
from components.objectives.parts.queue import Queue, length_for
from components.objectives.parts.two_views import of_own_key, projector, two_views, unit


class NnclrConfig(Config):
    """Options of NNCLR."""

    name: Literal["nnclr"] = "nnclr"
    """Selects NNCLR (Dwibedi et al. 2021, arXiv:2104.14548)."""

    hidden: PositiveInt = 512
    """Width of the hidden layers of projector and predictor (published: 2048 and 4096)."""

    embedding: PositiveInt = 128
    """Embedding size E (published: 256)."""

    temperature: PositiveFloat = 0.1
    """Divides the cosines between embeddings (published: 0.1)."""

    queue: PositiveInt | None = None
    """Samples in the support queue (published: 98304); null: largest power of two up to a quarter of the
    samples, 8 to 65536."""


@torch.no_grad()
def nearest(embeddings: Tensor, support: Tensor) -> Tensor:
    """[B, E] -> [B, E]: for each row the row of `support` [Q, E] with the largest cosine, as it stands."""
    with torch.autocast(embeddings.device.type, enabled=False):
        return support[(unit(embeddings) @ unit(support).T).argmax(dim=1)]


def neighbour_loss(neighbours: Tensor, predictions: Tensor, *, temperature: float) -> Tensor:
    """`of_own_key` of the neighbours, which take no gradient, among the predictions of all ranks."""
    return of_own_key(neighbours.detach(), predictions, temperature=temperature, name="nnclr")


class Nnclr(Objective):
    """queue: embeddings of the first views of the steps before this one."""

    views: ViewSpec = (("global", 2),)

    def __init__(self, config: NnclrConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        self.head = projector(encoder.feature_dim, config.hidden, config.embedding, layers=3)
        self.predictor = mlp_head(config.embedding, config.hidden, config.embedding)
        self.queue = Queue(config.queue or length_for(rows), config.embedding)
        self._seen: Tensor | None = None

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [] nats, the mean of both directions.

        Raises:
            UserError: not two views, or one sample alone.
        """
        views, t = two_views(batch, "nnclr", samples=2), self.config.temperature
        embeddings = self.head(torch.cat(encode(encoder, views)))
        first, second = unit(embeddings).detach().to(self.queue.rows.dtype).chunk(2)
        of_first, of_second = self.predictor(embeddings).chunk(2)
        there = neighbour_loss(nearest(first, self.queue.rows), of_second, temperature=t)
        back = neighbour_loss(nearest(second, self.queue.rows), of_first, temperature=t)
        if self.training:
            self._seen = first
        return Losses((there + back) / 2)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        if self._seen is not None:
            self.queue.push(self._seen)
        self._seen = None

    def predictions(self, features: Tensor) -> Tensor:
        found: Tensor = self.predictor(self.head(features))
        return found

    def carry_over(self, state: dict[str, Any]) -> None:
        """The queue's length may follow the number of samples, so as much of the other one as there is room for."""
        super().carry_over({**state, "queue.rows": self.queue.fitted(state["queue.rows"])})
