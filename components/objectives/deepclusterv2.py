"""DeepCluster-v2: predict, from every view, the cluster that the sample's embeddings of the last epoch are in.

Source: Caron et al. 2020 (arXiv:2006.09882), section 4.1 and appendix, and the published code: a bank of the
last epoch's embeddings for each global view, spherical k-means of it (10 iterations) before each epoch, the
centroids as prototypes that do not learn, heads that take the banks in turn, temperature .1.
Differs from it: k-means++ starts; an empty cluster is given points, and counted, where the published code
keeps its old centroid; the first bank is of clean features put through the head, not of a training pass.
k-means runs on the first rank for all.
Letters: N samples, B samples on this rank, V views of which 2 are global, E embedding size, H heads, K
prototypes.
"""

import math
from statistics import mean
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.collectives import gather
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.errors import UserError
from components.objectives.base import Batch, FeatureSource, Losses, Objective
from components.objectives.parts.clusters import (
    UNKNOWN,
    cluster_cross_entropy,
    enough,
    imbalance,
    on_first_rank,
    perplexity,
)
from components.objectives.parts.multicrop import encode, multicrop
from components.precision import at_least_float32

_CHUNK = 4096  # features put through the head at once


class Deepclusterv2Config(Config):
    """Options of DeepCluster-v2."""

    name: Literal["deepclusterv2"] = "deepclusterv2"
    """Selects DeepCluster-v2 (Caron et al. 2020, arXiv:2006.09882)."""

    locals: NonNegativeInt = 0
    """Number of local (small) views of a sample."""

    hidden: PositiveInt | None = None
    """Width of the projector's hidden layers; null: the feature size."""

    embedding: PositiveInt = 128
    """Embedding size E."""

    layers: int = Field(default=2, ge=1)
    """Number of the projector's layers."""

    heads: PositiveInt = 3
    """Number of clusterings H, with different seeds and memory banks, all predicted at once."""

    prototypes: int = Field(default=100, ge=2)
    """Prototypes of each head; the published 3000 suit a million samples, about ten times the classes
    fewer."""

    temperature: PositiveFloat = 0.1
    """Divides the cosines between embeddings and prototypes (published: 0.1)."""

    iterations: PositiveInt = 10
    """Iterations of spherical k-means before each epoch (published: 10)."""

    seed: NonNegativeInt = 0
    """Seed of the clusterings."""


class Deepclusterv2(Objective):
    tied_to_rows = ("bank", "clusters", "repaired")
    bank: Tensor  # [2, N, E] unit length: each global view's embedding when it was last seen; on every rank
    clusters: Tensor  # [H, N] int64
    prototypes: Tensor  # [H, K, E] unit length
    repaired: Tensor  # [] int64, clusters that were empty in the last clustering

    def __init__(self, config: Deepclusterv2Config, encoder: Encoder, rows: int, size: int = 0) -> None:
        super().__init__()
        enough(rows, config.prototypes, "deepclusterv2", "prototypes")
        self.config = config
        self.views = multicrop(config.locals)
        self.head: nn.Module = mlp_head(
            encoder.feature_dim, config.hidden or encoder.feature_dim, config.embedding, config.layers
        )
        self.register_buffer("bank", torch.zeros(2, rows, config.embedding))
        self.register_buffer("clusters", torch.full((config.heads, rows), UNKNOWN))
        self.register_buffer("prototypes", torch.zeros(config.heads, config.prototypes, config.embedding))
        self.register_buffer("repaired", torch.tensor(0))
        self._seen: tuple[Tensor, Tensor] | None = None

    @property
    def collapse_loss(self) -> float:
        """ln K: the loss of an encoder that gives every sample the same feature."""
        return math.log(self.config.prototypes)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two global views a sample, then any number of local ones -> total: [] nats.

        Raises:
            UserError: fewer than two views.
        """
        if len(batch.views) < 2:
            raise UserError(
                "view-count-differs",
                f"deepclusterv2 needs 2 views or more of each sample, got {len(batch.views)}",
            )
        embeddings = self.head(torch.cat(encode(encoder, batch.views)))
        index = batch.index.to(self.bank.device)
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = F.normalize(at_least_float32(embeddings), dim=1)
            scores = embeddings @ self.prototypes.mT  # [H, VB, K]
            clusters = self.clusters[:, index].repeat(1, len(batch.views))
            loss = cluster_cross_entropy(scores, clusters, temperature=self.config.temperature)
        if self.training:
            self._seen = index, torch.stack(embeddings.detach()[: 2 * len(index)].chunk(2), dim=1)
        return Losses(loss)

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        """The step's samples, of all ranks, into the bank."""
        super().after_step(encoder, progress)
        if self._seen is None:
            return
        index, both = (gather(t) for t in self._seen)
        self._seen = None
        self.bank[:, index] = both.transpose(0, 1).to(self.bank.dtype)

    @torch.no_grad()
    def before_epoch(self, epoch: int, features: FeatureSource) -> None:
        """Clusters the bank anew, once for each head.

        Raises:
            UserError: features are not [N, D], or the bank is not finite or has fewer distinct rows than
            clusters.
        """
        if bool((self.clusters == UNKNOWN).any()):
            points = features()
            if points.ndim != 2 or len(points) != self.bank.shape[1]:
                raise UserError(
                    "array-invalid",
                    f"deepclusterv2 needs features [{self.bank.shape[1]}, D], got {list(points.shape)}",
                )
            self.bank.copy_(self._embedded(points))
        on_first_rank(lambda: self._cluster(epoch), (self.clusters, self.prototypes, self.repaired))

    def figures(self) -> dict[str, float]:
        """repaired: empty clusters given points, all heads. Means over heads: imbalance, K sum n^2 / N^2, and the
        perplexity of the prototypes' use, which the gate asks of every objective with prototypes."""
        if bool((self.clusters == UNKNOWN).any()):
            return {}
        count = self.config.prototypes
        return {
            "repaired": float(self.repaired),
            "imbalance": mean(imbalance(head, count) for head in self.clusters),
            "prototype_perplexity": mean(perplexity(head, count) for head in self.clusters),
        }

    def _embedded(self, points: Tensor) -> Tensor:
        """Features [N, D] -> embeddings [N, E] of unit length, batch norm as when it is not training."""
        training = self.head.training
        self.head.eval()
        parts = [F.normalize(self.head(x.to(self.bank)), dim=1) for x in torch.split(points, _CHUNK)]
        self.head.train(training)
        return torch.cat(parts)

    def _cluster(self, epoch: int) -> None:
        try:  # here, not above: the other objectives run where there is torch alone
            from components.clustering.kmeans import kmeans
        except ImportError as error:
            raise UserError(
                "package-missing", f"deepclusterv2 needs faiss; {error}: install faiss-cpu"
            ) from None

        self.repaired.zero_()
        for head in range(self.config.heads):
            seed = np.random.SeedSequence([self.config.seed, epoch, head]).generate_state(1)[0]
            found = kmeans(
                self.bank[head % 2].float().cpu().numpy(),
                self.config.prototypes,
                restarts=1,
                iterations=self.config.iterations,
                seed=int(seed),
            )
            self.clusters[head] = torch.from_numpy(found.assignment)
            self.prototypes[head] = torch.from_numpy(found.centroids)
            self.repaired += found.repaired
