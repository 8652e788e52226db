"""SimMatch: what the network says of a weak view, and which labelled samples the view resembles, correct each
other and are both targets of the strong view.

Source: Zheng et al. 2022 (arXiv:2203.06915), equations 3 to 10.
Deviations: the labelled samples remembered are the last `memory` ones seen, in a queue of all processes,
rather than one of each, so that the memory does not grow with the data; the student's own embeddings are
remembered, no teacher's; alignment is towards the class shares of the labels, with a running mean.
Letters: see base; E embedding size, M remembered samples.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.collectives import gather
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig
from components.semisupervised.parts.alignment import aligned, everywhere
from components.semisupervised.parts.smoothing import shares


class SimmatchConfig(ConsistencyConfig):
    """Options of SimMatch."""

    name: Literal["simmatch"] = "simmatch"
    """Selects SimMatch (Zheng et al. 2022, arXiv:2203.06915)."""

    threshold: float = Field(default=0.95, ge=0, lt=1)
    """Smallest confidence of a target."""

    temperature: PositiveFloat = 0.1
    """Temperature of the similarities between samples."""

    share: float = Field(default=0.9, ge=0, le=1)
    """Alpha: share of a target that comes from the classifier, not from similar labelled samples (published:
    0.9)."""

    instances: NonNegativeFloat = 1.0
    """Weight of the similarity term."""

    embedding: PositiveInt = 128
    """Embedding size E."""

    memory: PositiveInt = 512
    """Number of labelled samples M that are remembered."""

    momentum: float = Field(default=0.95, ge=0, lt=1)
    """Momentum of the running mean for the alignment; the published 0.999 is for 2^20 steps."""


def calibrated(p: Tensor, q: Tensor, classes: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The two kinds of target, each corrected by the other.

    Args:
        p: [U, K] class shares. q: [U, M] shares of the remembered samples. classes: [M] int64 of these.
        share: alpha.

    Returns:
        alpha p + (1 - alpha) * (sum of q over the samples of a class), [U, K]; q times the p of each
        sample's class, scaled to sum 1, [U, M]. p = (.8, .2), q = (.5, .3, .2) of classes (0, 0, 1), alpha
        .9: (.8, .2) and (.5882, .3529, .0588).
    """
    summed = torch.zeros_like(p).index_add_(1, classes, q.to(p.dtype))
    weighed = q * p[:, classes]
    return share * p + (1 - share) * summed, weighed / weighed.sum(dim=1, keepdim=True).clamp(min=1e-12)


class Simmatch(Consistency):
    """queue: [M, E] embeddings of labelled samples, newest first; known: [M] their classes, -1 for none."""

    config: SimmatchConfig
    queue: Tensor
    known: Tensor
    mean: Tensor

    def __init__(
        self,
        config: SimmatchConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.projection: nn.Module = mlp_head(encoder.feature_dim, encoder.feature_dim, config.embedding, 2)
        self.register_buffer("queue", torch.zeros(config.memory, config.embedding))
        self.register_buffer("known", torch.full((config.memory,), -1))
        self.register_buffer("mean", self.prior.clone())
        self._labelled: tuple[Tensor, Tensor] | None = None

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts = self.parts(batch)
        sizes = [len(parts.weights), len(parts.pseudo_weights), len(parts.pseudo_weights)]
        weak, strong = parts.weak[0], parts.strong[0]
        together = weak.shape[1:] == strong.shape[1:]
        views = [torch.cat([weak, strong])] if together else [weak, strong]
        features = torch.cat([encoder(view) for view in views])
        own, quiet, loud = self.head(features).split(sizes)
        weakly, strongly = torch.split(features, [sizes[0] + sizes[1], sizes[2]])
        there = self.projection(strongly)
        embeddings = self.projection(weakly).detach()
        with torch.autocast(features.device.type, enabled=False):
            mine, here = torch.split(F.normalize(at_least_float32(embeddings), dim=1), sizes[:2])
            there = F.normalize(at_least_float32(there), dim=1)
            target = self.aligned(at_least_float32(quiet.detach())).softmax(dim=1)
            instances = 0.0 * there.sum()
            if (self.known >= 0).any():
                queue, known = self.queue[self.known >= 0], self.known[self.known >= 0]
                like = (here @ queue.T / self.config.temperature).softmax(dim=1)
                target, like = calibrated(target, like, known, self.config.share)
                instances = F.cross_entropy(there @ queue.T / self.config.temperature, like)
            mask = target.amax(dim=1) >= self.config.threshold
            classes = (mask * F.cross_entropy(at_least_float32(loud), target, reduction="none")).mean()
            if self.training:
                weight, known = (shares(parts.targets, len(self.mean)) * parts.weights.unsqueeze(1)).max(
                    dim=1
                )
                self._labelled = mine, torch.where(weight > 0, known, -1)
            figures = {"mask": mask.float().mean(), "instances": instances}
            return self.combined(parts, own, loud, classes + self.config.instances * instances, figures)

    @torch.no_grad()
    def aligned(self, logits: Tensor) -> Tensor:
        """[U, K] logits drawn towards the class shares of the labels."""
        if self.training:
            self.mean.lerp_(everywhere(logits.softmax(dim=1)), 1 - self.config.momentum)
        return aligned(logits, self.prior, self.mean)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        if self._labelled is not None:
            embeddings, classes = (gather(t) for t in self._labelled)
            self.queue.copy_(torch.cat([embeddings.to(self.queue.dtype), self.queue])[: len(self.queue)])
            self.known.copy_(torch.cat([classes, self.known])[: len(self.known)])
            self._labelled = None
