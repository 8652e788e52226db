"""Temporal ensembling: what the network says of a sample should be what it has said of it on average.

Source: Laine & Aila 2017 (arXiv:1610.02242), algorithm 2: Z <- a Z + (1 - a) z, target Z / (1 - a^t).
Deviations: t counts how often a row was seen, not epochs, for labelled rows turn round faster; a row never
seen has no target and costs nothing (in the paper the weight of the first epoch is 0); on w_max see pimodel.
Letters: see base; N rows of the data set.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from components.collectives import gather
from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig
from components.semisupervised.parts.ramps import gaussian


class TemporalConfig(ConsistencyConfig):
    """Options of temporal ensembling."""

    name: Literal["temporal"] = "temporal"
    """Selects temporal ensembling (Laine & Aila 2017, arXiv:1610.02242)."""

    weight: float = Field(default=30.0, ge=0)
    """w_max: largest weight of the unsupervised term."""

    rampup: float = Field(default=0.27, ge=0, le=1)
    """Share of training in which the weight grows (published: 80 of 300 epochs)."""

    momentum: float = Field(default=0.6, ge=0, lt=1)
    """Alpha: momentum of the running mean of the predictions (published: 0.6)."""


@torch.no_grad()
def remember(bank: Tensor, seen: Tensor, rows: Tensor, p: Tensor, momentum: float) -> None:
    """bank[row] <- a bank[row] + (1 - a) p and seen[row] <- seen[row] + 1, in place.

    Args:
        bank: [N, K]; seen: [N] int64; rows: [B] int64; p: [B, K]. A row that comes twice counts once, with
            the mean of its p.
    """
    once, where = torch.unique(rows, return_inverse=True)
    sums = bank.new_zeros(len(once), bank.shape[1]).index_add_(0, where, p.to(bank.dtype))
    mean = sums / torch.bincount(where, minlength=len(once)).unsqueeze(1)
    bank[once] = momentum * bank[once] + (1 - momentum) * mean
    seen[once] += 1


def ensembled(bank: Tensor, seen: Tensor, momentum: float) -> Tensor:
    """[B, K] Z / (1 - a^t), where t > 0: rows sum to 1, a constant p comes back at once. Else 0."""
    weight = 1 - momentum ** seen.to(bank.dtype)
    return bank / weight.clamp(min=1e-6).unsqueeze(1)


class Temporal(Consistency):
    """bank: [N, K] Z; seen: [N] t. The mean is over all rows of a batch, labelled ones too."""

    config: TemporalConfig
    strong = 0
    tied_to_rows = ("bank", "seen")
    bank: Tensor
    seen: Tensor

    def __init__(
        self,
        config: TemporalConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        """Raises UserError without the number of rows, for each has its place in the bank."""
        super().__init__(config, encoder, classes, rows, prior)
        if rows < 1:
            raise UserError(
                "value-out-of-range",
                f"temporal needs the number of samples for its bank, got {rows}; give rows",
            )
        self.register_buffer("bank", torch.zeros(rows, classes))
        self.register_buffer("seen", torch.zeros(rows, dtype=torch.int64))
        self._said: tuple[Tensor, Tensor] | None = None

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts, momentum = self.parts(batch), self.config.momentum
        logits = self.head(encoder(parts.weak[0]))
        with torch.autocast(logits.device.type, enabled=False):
            p = at_least_float32(logits).softmax(dim=1)
            target, known = self.bank[batch.index], self.seen[batch.index]
            distance = (p - ensembled(target, known, momentum)).square().mean(dim=1)
            unsupervised = ((known > 0) * distance).mean()
            own, others = logits.split([len(parts.weights), len(parts.pseudo_weights)])
            ramp = gaussian(self.progress, self.config.rampup)
            if self.training:
                self._said = batch.index, p.detach()
            return self.combined(parts, own, others, unsupervised, {"ramp": ramp}, ramp)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        if self._said is not None:
            rows, p = (gather(t) for t in self._said)
            remember(self.bank, self.seen, rows, p, self.config.momentum)
            self._said = None
