"""The Pi-model: what the network says of two views of a sample should be the same.

Source: Laine & Aila 2017 (arXiv:1610.02242), algorithm 1. Neither view is the other's target: gradient
reaches both, as in the paper. The paper divides the labels' cross-entropy by all rows of a batch and scales
w_max by the share M/N of labelled ones; here that term is a mean over the labelled rows, so that w_max stands
as it is.
Deviation: both views pass the network as one batch, which batch norm sees whole.
Letters: see base.
"""

from typing import Literal

import torch
from pydantic import Field

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig, squared_difference
from components.semisupervised.parts.ramps import gaussian


class PimodelConfig(ConsistencyConfig):
    """Options of the Pi-model."""

    name: Literal["pimodel"] = "pimodel"
    """Selects the Pi-model (Laine & Aila 2017, arXiv:1610.02242)."""

    weight: float = Field(default=100.0, ge=0)
    """w_max: largest weight of the unsupervised term."""

    rampup: float = Field(default=0.27, ge=0, le=1)
    """Share of training in which the weight grows (published: 80 of 300 epochs)."""


class Pimodel(Consistency):
    """Two weak views of every row, labelled ones too; the mean is over all of them."""

    config: PimodelConfig
    weak = 2
    strong = 0

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts = self.parts(batch)
        first, second = self.head(encoder(torch.cat(parts.weak))).chunk(2)
        with torch.autocast(first.device.type, enabled=False):
            unsupervised = squared_difference(first, at_least_float32(second).softmax(dim=1))
            own, others = first.split([len(parts.weights), len(parts.pseudo_weights)])
            ramp = gaussian(self.progress, self.config.rampup)
            return self.combined(parts, own, others, unsupervised, {"ramp": ramp}, ramp)
