"""Self-training: round by round the network names all samples, and the surest of each class become targets.

Sources: class-balanced admission, Zou et al. 2018 (arXiv:1810.07911), section 4.2; a share of admitted samples
that grows, Cascante-Bonilla et al. 2021 (arXiv:2001.06001), section 3; noise on the student's side, Xie et al.
2020 (arXiv:1911.04252).
A round is an epoch: before it, every sample is named from its clean view. Of each class at most share * N *
(class share of the labels) are admitted, its surest ones, and none below a floor: the least confidence among
the pseudo-labels that came with the data, which is where held-out labels said that these can be trusted; without
any, `floor`. Pseudo-labels that came with the data are targets too, and fade out.
Differs from the papers: the network goes on instead of beginning anew, for a round is short here.
Letters: see base; N rows of the data set.
"""

from typing import Literal

import torch
import torch.distributed as dist
from pydantic import Field
from torch import Tensor

from components.collectives import world
from components.encoders.base import Encoder
from components.objectives.base import Batch, FeatureSource, Losses
from components.semisupervised.consistency import Consistency, ConsistencyConfig
from components.semisupervised.parts.loss import supervised_loss


class SelftrainingConfig(ConsistencyConfig):
    """Options of self-training."""

    name: Literal["selftraining"] = "selftraining"
    """Selects self-training (Zou et al. 2018, arXiv:1810.07911; Cascante-Bonilla et al. 2021,
    arXiv:2001.06001)."""

    first: float = Field(default=0.2, ge=0, le=1)
    """Share of the samples admitted in the first round (published: 0.2)."""

    last: float = Field(default=1.0, ge=0, le=1)
    """Share of the samples admitted in the last round (published: 1)."""

    floor: float = Field(default=0.8, ge=0, lt=1)
    """Smallest confidence of an admitted sample where the stage pseudo_label kept no pseudo-label."""


def admit(probabilities: Tensor, prior: Tensor, share: float, floor: float) -> Tensor:
    """[N] int64: the class of an admitted sample, -1 for the others.

    Args:
        probabilities: [N, K]. prior: [K] class shares, sum 1. share: of all N, in [0, 1].
        floor: least probability of an admitted sample.

    Of class c the round(share * N * prior_c) surest are admitted, equal ones in order of rows.
    """
    confidence, named = probabilities.max(dim=1)
    admitted = torch.full_like(named, -1)
    for c, part in enumerate(prior.tolist()):
        mine = ((named == c) & (confidence >= floor)).nonzero().squeeze(1)
        room = round(share * len(named) * part)
        best = mine[confidence[mine].argsort(descending=True, stable=True)[:room]]
        admitted[best] = c
    return admitted


class Selftraining(Consistency):
    config: SelftrainingConfig
    tied_to_rows = ("admitted", "confidence")
    admitted: Tensor
    confidence: Tensor
    least: Tensor

    def __init__(
        self,
        config: SelftrainingConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.register_buffer("admitted", torch.full((rows,), -1))
        self.register_buffer("confidence", torch.zeros(rows))
        self.register_buffer("least", torch.ones(()))  # of the given pseudo-labels' confidences

    @torch.no_grad()
    def before_epoch(self, epoch: int, features: FeatureSource) -> None:
        probabilities = self.head(features().to(self.head.weight)).float().softmax(dim=1)
        config, progress = self.config, float(self.progress)
        share = config.first + (config.last - config.first) * progress
        floor = float(self.least) if self.least < 1 else config.floor
        self.admitted.copy_(admit(probabilities, self.prior, share, floor))
        self.confidence.copy_(probabilities.max(dim=1).values)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The unsupervised term is the cross-entropy of the strong views' with what was admitted."""
        parts = self.parts(batch)
        labelled = len(parts.weights)
        rows = parts.index[labelled:]
        self.look(parts.pseudo_targets, parts.pseudo_weights)
        first = parts.weak[0][:labelled]
        same = first.shape[1:] == parts.strong[0].shape[1:]
        features = (
            encoder(torch.cat([first, parts.strong[0]]))
            if same
            else torch.cat([encoder(first), encoder(parts.strong[0])])
        )
        own, other = self.head(features).tensor_split([labelled])
        admitted = supervised_loss(other, self.admitted[rows], self.confidence[rows])
        share = (self.admitted[rows] >= 0).float().mean()
        return self.combined(parts, own, other, admitted, {"mask": share})

    @torch.no_grad()
    def look(self, targets: Tensor, weights: Tensor) -> None:
        """Keep the least confidence of a given pseudo-label, over all processes."""
        least = torch.where((targets >= 0) & (weights > 0), weights, 1.0).min() if len(targets) else None
        if least is None:
            return
        if world() > 1:
            dist.all_reduce(least, op=dist.ReduceOp.MIN)
        torch.minimum(self.least, least.to(self.least), out=self.least)

    def figures(self) -> dict[str, float]:
        return {"admitted": float((self.admitted >= 0).float().mean()) if len(self.admitted) else 0.0}
