"""SCAN: learn features by a pretext task, then classes that a sample shares with its nearest neighbours.

Source: Van Gansbeke et al. 2020 (arXiv:2005.12320), section 2.1, equation 2 and section 2.3: neighbours mined
once from the pretext features; -log <p_i, p_neighbour> - 5 H(mean p); then cross-entropy with the own
prediction where it is at least .99 sure, classes weighted by the inverse of how often they are sure.
Differs from it: the three trainings are shares of one; the neighbour's side is the head on features that the
encoder gave at the beginning of the epoch, so its gradient reaches the head but not the encoder; both views
are anchors, each with a neighbour of its own; both views are as strong as the pretext's, and the first one
labels the second; one head; a batch in which no sample is sure costs nothing instead of ending the run.
Letters: N samples, B samples on this rank, W ranks, D feature size, K clusters, k neighbours.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator
from torch import Tensor, nn

from components.collectives import all_reduce_sum, world
from components.config import Config
from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, FeatureSource, Losses, Objective
from components.objectives.parts.clusters import in_shares
from components.objectives.parts.multicrop import encode
from components.objectives.parts.neighbours import consistency, nearest, spread
from components.objectives.parts.sample_rng import Chance
from components.objectives.simclr import Simclr, SimclrConfig
from components.precision import at_least_float32

PRETEXT, NEIGHBOURS, SELF_LABELS = range(3)


class ScanConfig(Config):
    """Options of SCAN."""

    name: Literal["scan"] = "scan"
    """Selects SCAN (Van Gansbeke et al. 2020, arXiv:2005.12320)."""

    pretext: SimclrConfig = SimclrConfig()
    """Options of the pretext task, SimCLR."""

    pretext_until: float = Field(default=0.625, ge=0, le=1)
    """Share of training at which the pretext task ends (published: 500 of 800 epochs)."""

    neighbours_until: float = Field(default=0.75, ge=0, le=1)
    """Share of training at which clustering by neighbours ends and self-labelling begins (published: after
    600 of 800 epochs)."""

    clusters: int = Field(default=10, ge=2)
    """Number of clusters K: as many as classes are expected."""

    neighbours: PositiveInt = 20
    """Nearest neighbours of a sample; 20 suit thousands of samples a class, 50 a large set."""

    entropy_weight: NonNegativeFloat = 5.0
    """Weight of the entropy of the mean prediction (published: 5)."""

    confidence: float = Field(default=0.99, gt=0, lt=1)
    """Smallest probability with which a sample takes part in self-labelling (published: 0.99)."""

    @model_validator(mode="after")
    def _in_order(self) -> "ScanConfig":
        if self.pretext_until > self.neighbours_until:
            raise ValueError(
                f"scan needs pretext_until <= neighbours_until, got {self.pretext_until} and "
                f"{self.neighbours_until}"
            )
        return self


def self_label_loss(scores: Tensor, targets: Tensor, sure: Tensor) -> Tensor:
    """Cross-entropy of the sure samples of all ranks, each class weighted by the inverse of how many are sure
    of it: the mean over such classes of their mean cross-entropy.

    Args:
        scores: [B, K] logits. targets: [B] int64. sure: [B] bool.

    Returns:
        [] nats; 0 when none is sure.
    """
    here = F.one_hot(targets, scores.shape[1]).to(scores.dtype) * sure.unsqueeze(1)
    counts = all_reduce_sum(here.sum(dim=0))
    weights = here / counts.clamp(min=1) / (counts > 0).sum().clamp(min=1)
    return -(weights * scores.log_softmax(dim=1)).sum() * world()


class Scan(Objective):
    tied_to_rows = ("bank", "neighbours", "tally", "phase")
    bank: Tensor  # [N, D] features at the beginning of the epoch
    neighbours: Tensor  # [N, k] int64 rows, -1 before they are mined
    tally: Tensor  # [K + 2] of this epoch's predictions: their sum, how many are sure, how many there were
    phase: Tensor  # [] int64, the part of the training that the epoch belongs to

    def __init__(self, config: ScanConfig, encoder: Encoder, rows: int, size: int = 0) -> None:
        super().__init__()
        if config.neighbours >= rows:
            raise UserError(
                "samples-too-few",
                f"scan needs neighbours < samples, got {config.neighbours} for {rows}; ask for fewer",
            )
        self.config = config
        self.pretext = Simclr(config.pretext, encoder)
        self.views = self.pretext.views
        self.top = nn.Linear(encoder.feature_dim, config.clusters)
        self.chance = Chance()
        self.register_buffer("bank", torch.zeros(rows, encoder.feature_dim))
        self.register_buffer("neighbours", torch.full((rows, config.neighbours), -1))
        self.register_buffer("tally", torch.zeros(config.clusters + 2, dtype=torch.float64))
        self.register_buffer("phase", torch.tensor(PRETEXT))
        self._seen: Tensor | None = None

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two views a sample -> total: [] nats, of the phase that the epoch is in.

        Raises:
            UserError: not two views, or one sample alone in the pretext.
        """
        phase = int(self.phase)
        if phase == PRETEXT:
            losses = self.pretext(encoder, batch)
            return Losses(losses.total + _idle(self.top), losses.parts)
        if len(batch.views) != 2:
            raise UserError(
                "view-count-differs", f"scan needs 2 views of each sample, got {len(batch.views)}"
            )
        if phase == NEIGHBOURS:
            scores = self.top(torch.cat(encode(encoder, batch.views)))
        else:
            with torch.no_grad():  # by itself: through batch norm it would get a gradient from the other
                labelling = self.top(encoder(batch.views[0]))
            scores = torch.cat([labelling, self.top(encoder(batch.views[1]))])
        with torch.autocast(scores.device.type, enabled=False):
            scores = at_least_float32(scores)
            if self.training:
                self._seen = self._counted(scores.detach().softmax(dim=1))
            learn = self._neighbours if phase == NEIGHBOURS else self._self_labels
            losses = learn(scores, batch.index.to(self.bank.device))
        return Losses(losses.total + _idle(self.pretext), losses.parts)

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
        if self._seen is not None:
            self.tally += all_reduce_sum(self._seen)
            self._seen = None

    @torch.no_grad()
    def before_epoch(self, epoch: int, features: FeatureSource) -> None:
        """Begins the phase that it is time for; in the neighbours' one, takes the features of all samples.

        Raises:
            UserError: features are not [N, D] or not finite.
        """
        self.tally.zero_()
        ends = self.progress.new_tensor((self.config.pretext_until, self.config.neighbours_until))
        self.phase.copy_((self.progress >= ends).sum())
        if int(self.phase) != NEIGHBOURS:
            return
        points = features()
        if points.shape != self.bank.shape or not bool(torch.isfinite(points).all()):
            raise UserError(
                "array-invalid",
                f"scan needs finite features {list(self.bank.shape)}, got {list(points.shape)}; "
                "where they are not finite, lower the learning rate",
            )
        self.bank.copy_(points)
        if bool((self.neighbours < 0).any()):
            points = points.to(self.bank.device)
            self.neighbours.copy_(
                in_shares(len(points), lambda own: nearest(points, self.config.neighbours, own))
            )

    def figures(self) -> dict[str, float]:
        """Of this epoch's predictions: the share that is sure, and the entropy (nats) of their mean."""
        *sums, sure, count = self.tally.tolist()
        if not count:
            return {}
        p = torch.tensor(sums) / count
        return {"sure_share": sure / count, "cluster_entropy": float(-torch.xlogy(p, p).sum())}

    def _neighbours(self, scores: Tensor, index: Tensor) -> Losses:
        count = self.config.neighbours
        choice = (self.chance.uniform(index, 2) * count).long().clamp(max=count - 1)  # [B, 2], one a view
        chosen = self.neighbours[index].gather(1, choice).T.flatten()  # [2B], as the views are
        theirs = self.top(self.bank[chosen])
        agreement, entropy = consistency(scores, theirs), spread(scores)
        parts = {"consistency": agreement.detach(), "entropy": entropy.detach()}
        return Losses(agreement - self.config.entropy_weight * entropy, parts)

    def _self_labels(self, scores: Tensor, index: Tensor) -> Losses:
        first, second = scores.chunk(2)
        confidence, targets = first.softmax(dim=1).max(dim=1)
        return Losses(self_label_loss(second, targets, confidence >= self.config.confidence))

    def _counted(self, p: Tensor) -> Tensor:
        """[2B, K] predictions -> [K + 2] as in tally."""
        sure = (p.amax(dim=1) >= self.config.confidence).sum()
        counts = torch.stack([sure, sure.new_tensor(len(p))])
        return torch.cat([p.sum(dim=0).double(), counts.double()])


def _idle(module: nn.Module) -> Tensor:
    """0, with gradient 0 for all parameters: they wait for their phase, and have a gradient as the others."""
    return torch.stack([0.0 * p.float().sum() for p in module.parameters()]).sum()
