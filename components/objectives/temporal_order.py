"""Temporal order: parts of a series, each encoded by itself; in which order they were is predicted.

Source: order verification of Misra et al. 2016 (arXiv:1603.08561) as order prediction of Lee et al. 2017
(arXiv:1708.01246, section 3): the class is the permutation. What it needs is data whose course has a direction.
Differs: all permutations of few parts are classes; between two parts a gap is left, so that their ends tell nothing.
Letters: B samples on this rank, P parts, n time steps of a sample, T of the longest, D feature size.
"""

from itertools import permutations
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.encoders.series import series_encoder
from components.modalities.series.views import lengths, shifted
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.precision import at_least_float32


class TemporalOrderConfig(Config):
    """Options of temporal order."""

    name: Literal["temporal_order"] = "temporal_order"
    """Selects temporal order (Misra et al. 2016, arXiv:1603.08561; Lee et al. 2017, arXiv:1708.01246)."""

    parts: int = Field(default=3, ge=2, le=5)
    """Parts P of a series; P! orders are told apart (published: 4)."""

    gap: float = Field(default=0.1, ge=0, lt=1)
    """Share of a part that is left out at its end."""

    hidden: int = Field(default=128, ge=1)
    """Size of the hidden layer of the head."""


class TemporalOrder(Drawing):
    needs = "series"
    orders: Tensor  # [P!, P] int64

    def __init__(self, config: TemporalOrderConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens of series."""
        super().__init__()
        self.config, width = config, series_encoder(encoder, "temporal_order").feature_dim
        orders = torch.tensor(list(permutations(range(config.parts))))
        self.register_buffer("orders", orders, persistent=False)
        self.head = mlp_head(config.parts * width, config.hidden, len(orders), 2)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats; ln P! for constant logits. Series of fewer than 2 P steps tell nothing
        and count, as a part of one step may be all that is left.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view, series = only_view(batch, "temporal_order"), series_encoder(encoder, "temporal_order")
        target = self.drawn(batch.index).to(view.device)
        pieces = parts_of(view, self.config.parts, self.config.gap)  # [P, B, C, T']
        features = torch.stack(series(pieces.flatten(0, 1)).chunk(self.config.parts), dim=1)  # [B, P, D]
        order = self.orders[target].unsqueeze(2).expand_as(features)
        logits = at_least_float32(self.head(features.gather(1, order).flatten(1)))
        right = (logits.argmax(dim=1) == target).float().mean()
        return Losses(F.cross_entropy(logits, target), {"accuracy": right})

    def drawn(self, index: Tensor) -> Tensor:
        """[B] int64: which order each sample is put into."""
        count = len(self.orders)
        return (self.chance.uniform(index) * count).long().clamp(max=count - 1)

    @property
    def collapse_loss(self) -> float:
        return float(torch.tensor(float(len(self.orders))).log())


def parts_of(view: Tensor, parts: int, gap: float) -> Tensor:
    """[B, C, T] -> [P, B, C, T']: each series cut into P parts of n / P steps, the last `gap` of each left out, NaN
    behind them; one step of each stays at least.

    a b c d e f in 3 parts without a gap: a b, c d, e f.
    """
    count = lengths(view).unsqueeze(1)
    longest = max(1, view.shape[2] // parts + (view.shape[2] % parts > 0))
    found = []
    for part in range(parts):
        first, end = count * part // parts, count * (part + 1) // parts
        kept = ((end - first) * (1 - gap)).round().long().clamp(min=1)
        found.append(shifted(view, first.clamp(max=(view.shape[2] - 1)), kept)[..., :longest])
    return torch.stack(found)
