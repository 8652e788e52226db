"""MoCo v2: a query finds its key, made by a slow teacher, among the keys of earlier batches.

Source: He et al. 2019 (arXiv:1911.05722), equation 1 and algorithm 1; Chen et al. 2020 (arXiv:2003.04297):
the head is a perceptron without batch norm.
Published: queue 65536, momentum .999, temperature .2 (v2; .07 in v1), head 2048-2048-128, SGD .03 at batch
256. Here: a queue of a quarter of the samples (see queue); momentum .99, whose memory of 100 steps suits the
thousands of steps of a short training.
Differs: samples are not shuffled between ranks for the keys. The shuffle keeps a query and its key from
sharing the batch-norm statistics of the few samples on one rank; our batch norm takes them over the batch of
all ranks, and the teacher has its own running ones.
Letters: B samples on this rank, Q rows of the queue, E embedding size.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses, Objective, ViewSpec
from components.objectives.parts.multicrop import encode
from components.objectives.parts.queue import Queue, length_for
from components.objectives.parts.teacher import follow, teacher_of
from components.objectives.parts.two_views import same_shape, two_views, unit


class MocoConfig(Config):
    """Options of MoCo v2."""

    name: Literal["moco"] = "moco"
    """Selects MoCo v2 (He et al. 2019, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297)."""

    hidden: PositiveInt | None = None
    """Width of the projector's hidden layer; null: the feature size."""

    embedding: PositiveInt = 128
    """Embedding size E (published: 128)."""

    temperature: PositiveFloat = 0.2
    """Divides the cosines between queries and keys (published: 0.2)."""

    queue: PositiveInt | None = None
    """Keys in the queue (published: 65536); null: largest power of two up to a quarter of the samples, 8 to
    65536."""

    momentum: float = Field(default=0.99, ge=0, le=1)
    """EMA momentum of the teacher (published: 0.999)."""

    symmetric: bool = False
    """Use each view as query and as key, at twice the cost."""


def info_nce(query: Tensor, key: Tensor, queue: Tensor, *, temperature: float) -> Tensor:
    """Mean of -log p(own key | own key and the queue) over this rank's B queries.

    Args:
        query, key: [B, E], of any length; queue: [Q, E]. Key and queue take no gradient.
        temperature: > 0; divides the cosines.

    Returns:
        [] nats; log(1 + Q) when all vectors are equal.

    Raises:
        UserError: query and key are not two equal [B, E].
    """
    same_shape(query, key, "info_nce")
    with torch.autocast(query.device.type, enabled=False):
        q, k, old = unit(query), unit(key.detach()), unit(queue.detach())
        logits = torch.cat([(q * k).sum(dim=1, keepdim=True), q @ old.T.to(q.dtype)], dim=1) / temperature
        return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.int64))


class Moco(Objective):
    """teacher: encoder and head that follow the student's. queue: its keys of the steps before this one."""

    views: ViewSpec = (("global", 2),)

    def __init__(self, config: MocoConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden or encoder.feature_dim
        self.head: nn.Module = mlp_head(encoder.feature_dim, hidden, config.embedding, norm=False)
        self.teacher = teacher_of(nn.Sequential(encoder, self.head))
        self.queue = Queue(config.queue or length_for(rows), config.embedding)
        self._keys: list[Tensor] = []

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [] nats; of both directions the mean where symmetric.

        Raises:
            UserError: not two views.
        """
        views = two_views(batch, "moco")
        asked, answering = (views, views[::-1]) if self.config.symmetric else (views[:1], views[1:])
        with torch.no_grad():
            keys = [unit(k) for k in encode(self.teacher, answering)]
        queries = self.head(torch.cat(encode(encoder, asked)))
        if self.training:
            self._keys = keys
        loss = info_nce(queries, torch.cat(keys), self.queue.rows, temperature=self.config.temperature)
        return Losses(loss)

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        """The teacher follows; the step's keys go into the queue."""
        super().after_step(encoder, progress)
        follow(self.teacher, nn.Sequential(encoder, self.head), self.config.momentum)
        for keys in self._keys:
            self.queue.push(keys)
        self._keys = []

    def carry_over(self, state: dict[str, Any]) -> None:
        """The queue's length may follow the number of samples, so as much of the other one as there is room for."""
        super().carry_over({**state, "queue.rows": self.queue.fitted(state["queue.rows"])})
