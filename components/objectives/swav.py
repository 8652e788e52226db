"""SwAV: from one view, predict the code that another view has among learned prototypes.

Source: Caron et al. 2020 (arXiv:2006.09882), equations 1-2 (swap) and 6 (multi-crop); queue from section
4.1's code.
Differs from the published code: Sinkhorn on logarithms; prototypes are normalised inside the graph, too, so
that their gradient runs along the sphere; the queue is one for all ranks and helps as soon as it holds
anything.
Letters: B samples on this rank, D feature size, E embedding size, K prototypes, V views of which the first G
= 2 are global, Q samples in the queue.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.clustering.sinkhorn import sinkhorn
from components.collectives import gather, rank, world
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.errors import UserError
from components.objectives.base import Batch, Losses, Objective
from components.objectives.parts.multicrop import encode, multicrop
from components.precision import at_least_float32


class SwavConfig(Config):
    """Options of SwAV."""

    name: Literal["swav"] = "swav"
    """Selects SwAV (Caron et al. 2020, arXiv:2006.09882)."""

    locals: NonNegativeInt = 0
    """Number of local (small) views of a sample."""

    hidden: PositiveInt | None = None
    """Width of the projector's hidden layers; null: the feature size."""

    embedding: PositiveInt = 128
    """Embedding size E (published: 128)."""

    layers: int = Field(default=2, ge=1)
    """Number of the projector's layers (published: 2)."""

    prototypes: int = Field(default=100, ge=2)
    """Number of prototypes K; about three for each class that may occur (published: 3000 for ImageNet)."""

    temperature: PositiveFloat = 0.1
    """Divides the scores of the predictions (published: 0.1)."""

    epsilon: PositiveFloat = 0.05
    """Entropy regularisation of Sinkhorn; smaller values give sharper codes (published: 0.05)."""

    iterations: PositiveInt = 3
    """Sinkhorn iterations (published: 3)."""

    freeze: float = Field(default=0.02, ge=0, le=1)
    """Share of training in which the prototypes are not trained."""

    queue: NonNegativeInt = 0
    """Samples of earlier batches over which codes are balanced, for batches not much larger than
    `prototypes`; 0: none."""

    queue_from: float = Field(default=0.1, ge=0, le=1)
    """Share of training before the queue is used."""


def swapped_prediction(scores: list[Tensor], codes: list[Tensor], *, temperature: float) -> Tensor:
    """Mean cross-entropy over every (code of g, scores of v) with v != g.

    Args:
        scores: V >= 2 tensors [B, K], global views first.
        codes: G <= V tensors [B, K], rows sum to 1, no gradient; codes[g] is of view g.
        temperature: > 0; divides the scores.

    Returns:
        [] nats over this rank's samples; ln K when every row of scores is constant.
    """
    log_p = [F.log_softmax(at_least_float32(s) / temperature, dim=1) for s in scores]
    pairs = [(q, log_p[v]) for g, q in enumerate(codes) for v in range(len(scores)) if v != g]
    return torch.stack([-(q * lp).sum(dim=1).mean() for q, lp in pairs]).mean()


class Swav(Objective):
    prototypes: nn.Parameter  # [K, E], on the sphere
    queue: Tensor  # [Q, 2, E], newest first; the same on every rank
    queued: Tensor  # [] int64, rows of the queue that are filled
    use: Tensor  # [K] samples nearest to each prototype since the epoch began

    def __init__(self, config: SwavConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        self.views = multicrop(config.locals)
        self.head: nn.Module = mlp_head(
            encoder.feature_dim, config.hidden or encoder.feature_dim, config.embedding, config.layers
        )
        self.prototypes = nn.Parameter(F.normalize(torch.randn(config.prototypes, config.embedding), dim=1))
        self.register_buffer("queue", torch.zeros(config.queue, 2, config.embedding))
        self.register_buffer("queued", torch.tensor(0))
        self.register_buffer("use", torch.zeros(config.prototypes))
        self._seen: Tensor | None = (
            None  # [WB, 2E + 1] embeddings and nearest prototype of all ranks' samples
        )

    @property
    def collapse_loss(self) -> float:
        """ln K: the loss of an encoder that gives every sample the same feature."""
        return math.log(self.config.prototypes)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two global views a sample, then any number of local ones -> total: [] nats.

        Raises:
            UserError: fewer than two views, or one sample alone, which cannot be spread over prototypes.
        """
        if len(batch.views) < 2 or len(batch.views[0]) * world() < 2:
            raise UserError(
                "batch-too-small",
                "swav needs 2 views or more of 2 samples or more, "
                f"got {len(batch.views)} of {len(batch.views[0])}; "
                f"raise batch_size",
            )
        features = encode(encoder, batch.views)
        embeddings = self.head(torch.cat(features))
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = F.normalize(at_least_float32(embeddings), dim=1)
            prototypes = F.normalize(self.prototypes, dim=1)
            frozen = self.progress < self.config.freeze
            prototypes = torch.where(frozen, prototypes.detach(), prototypes)  # gradient 0, not none
            scores = list(torch.split(embeddings @ prototypes.T, [len(f) for f in features]))
            if self.training:
                self._seen = self._everyones(embeddings.detach()[: 2 * len(features[0])], scores[0].detach())
            codes = list(self._codes(torch.stack(scores[:2]).detach()))
            loss = swapped_prediction(scores, codes, temperature=self.config.temperature)
        return Losses(loss, {"codes_entropy": _entropy(codes[0])})

    def _everyones(self, embeddings: Tensor, scores: Tensor) -> Tensor:
        """[2B, E] and [B, K] of this rank -> [WB, 2E + 1]: one gather, here, where Sinkhorn waits for all anyway."""
        nearest = scores.argmax(dim=1, keepdim=True).to(embeddings.dtype)  # exact: K < 2^24
        return gather(torch.cat([*embeddings.chunk(2), nearest], dim=1))

    def _codes(self, scores: Tensor) -> Tensor:
        """[2, B, K] -> codes, those of each view balanced over the batch and this rank's share of the queue."""
        if self.config.queue and bool(self.queued):
            old = self.queue[: self.queued].tensor_split(world())[rank()].transpose(0, 1)  # [2, Q / W, E]
            old_scores = old @ F.normalize(self.prototypes.detach(), dim=1).T
            everything = torch.cat([scores, old_scores.to(scores.dtype)], dim=1)
        else:
            everything = scores
        codes = sinkhorn(everything, epsilon=self.config.epsilon, iterations=self.config.iterations)
        return codes[:, : scores.shape[1]]

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        """Prototypes back on the sphere; the step's samples into the count of use and the queue, once that has
        begun; one that was carried over has."""
        super().after_step(encoder, progress)
        self.prototypes.copy_(F.normalize(self.prototypes, dim=1))
        if self._seen is None:
            return
        embeddings = self._seen[:, :-1].reshape(-1, 2, self.config.embedding)
        nearest = self._seen[:, -1].long()
        self._seen = None
        self.use.scatter_add_(0, nearest, torch.ones_like(nearest, dtype=self.use.dtype))
        if self.config.queue and (bool(self.queued) or progress >= self.config.queue_from):
            self.queue.copy_(torch.cat([embeddings.to(self.queue.dtype), self.queue])[: self.config.queue])
            self.queued.add_(len(embeddings)).clamp_(max=self.config.queue)

    @torch.no_grad()
    def before_epoch(self, epoch: int, features: object) -> None:
        self.use.zero_()

    def figures(self) -> dict[str, float]:
        """Of the samples' nearest prototypes this epoch: exp of their entropy, and how many got none."""
        share = self.use / self.use.sum().clamp(min=1)
        return {
            "prototype_perplexity": float(_entropy(share[None]).exp()),
            "dead_prototypes": float((self.use == 0).sum()),
        }


def _entropy(p: Tensor) -> Tensor:
    """Mean entropy of the rows, in nats."""
    return -torch.xlogy(p, p).sum(dim=1).mean()
