"""CPC: from the steps up to each, what comes K steps later is told from what comes elsewhere.

Source: van den Oord et al. 2018 (arXiv:1807.03748), equations 3 and 4: InfoNCE with a bilinear score z^T W_k c, where c
is the context up to a step and z the latent of a later one.
Differs: the context is causal convolutions (the encoder) instead of a recurrent network; a latent is a linear map of
`patch` steps from its own on, so that it does not overlap the context; negatives are drawn once for a sample: latents
of other samples of the batch of this process, and as many of other steps of the same sample.
Letters: B samples on this rank, C channels, T time steps, E token size, Z latent size, K horizons, N negatives.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.series import series_encoder
from components.errors import UserError
from components.modalities.series.views import lengths
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.temporal import mean_where
from components.precision import at_least_float32

STEPS_OF, SAMPLES = range(2)  # streams of random numbers


class CpcConfig(Config):
    """Options of CPC."""

    name: Literal["cpc"] = "cpc"
    """Selects contrastive predictive coding (van den Oord et al. 2018, arXiv:1807.03748)."""

    steps: PositiveInt = 4
    """Number K of horizons: the latents of the next K steps are predicted (published: 12)."""

    patch: PositiveInt = 3
    """Time steps that a latent covers."""

    latent: PositiveInt = 64
    """Latent size Z."""

    negatives: PositiveInt = 8
    """Number of negatives from other samples, and as many from other steps of the same sample."""

    temperature: PositiveFloat = 0.2
    """Divides the cosines between predictions and latents."""


class Cpc(Drawing):
    needs = "series"

    def __init__(self, config: CpcConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens of series, or they see what comes."""
        super().__init__()
        self.config, series = config, series_encoder(encoder, "cpc", causal=True)
        self.latent = nn.Conv1d(series.channels, config.latent, config.patch)
        self.predict = nn.Linear(series.token_dim, config.steps * config.latent)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats, mean over horizons; log(2N + 1) where nothing is told apart.

        Raises:
            UserError: not one view, an encoder of something else, or one sample alone.
        """
        view, series = only_view(batch, "cpc"), series_encoder(encoder, "cpc", causal=True)
        if len(view) < 2:
            raise UserError(
                "batch-too-small", f"cpc needs 2 samples or more, got {len(view)}; raise batch_size"
            )
        values, _ = series.standardised(view)
        count, steps = lengths(view), view.shape[2]
        latents = unit(self.latent(F.pad(values, (0, self.config.patch - 1))).transpose(1, 2))  # [B, T, Z]
        found = self.predict(series.tokens(view)).unflatten(2, (self.config.steps, self.config.latent))
        predicted = unit(found)  # [B, T, K, Z]
        rows, places = self.others(count, batch.index)
        others = latents[rows, places]  # [B, 2N, Z]
        places = places.masked_fill(rows != torch.arange(len(view), device=view.device).unsqueeze(1), -1)
        losses, rights = list[Tensor](), list[Tensor]()
        for k in range(1, self.config.steps + 1):  # of short series, too: every process takes as many means
            there = torch.arange(steps, device=view.device)[k:] < count.unsqueeze(1)  # [B, T - k]
            cosines = scores(predicted[:, : there.shape[1], k - 1], latents[:, k:], others, places - k)
            logits = cosines / self.config.temperature
            losses.append(mean_where(torch.logsumexp(logits, dim=2) - logits[..., 0], there))
            rights.append(mean_where((logits.argmax(dim=2) == 0).to(logits.dtype), there).detach())
        total = sum(losses[1:], losses[0]) / len(losses)
        return Losses(total, {"accuracy": rights[0]})

    def others(self, count: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """The negatives of each sample: rows [B, 2N] of the batch, the first N another sample's and the last N its own,
        and a time step [B, 2N] of each, at which that sample has not ended."""
        size, many = len(index), self.config.negatives
        who = self.chance.uniform(index, many, stream=SAMPLES)
        when = self.chance.uniform(index, 2 * many, stream=STEPS_OF)
        # By row of the data set, so that the order of the batch does not matter.
        order = index.argsort().to(who.device)
        place = order.argsort().unsqueeze(1)
        rows = order[(place + 1 + (who * (size - 1)).long()) % size]
        rows = torch.cat([rows, torch.arange(size, device=who.device).unsqueeze(1).expand(-1, many)], dim=1)
        rows, when = rows.to(count.device), when.to(count.device)
        return rows, (when * count[rows]).long()


def scores(predicted: Tensor, own: Tensor, others: Tensor, places: Tensor) -> Tensor:
    """[B, M, 1 + 2N] cosines of M predictions with their own latents, then with the 2N negatives of their sample; -inf
    where a negative is the prediction's own latent.

    predicted, own: [B, M, Z]. others: [B, 2N, Z]. places: [B, 2N] int64, which of the M each negative is, if any.
    """
    right = (predicted * own).sum(dim=2, keepdim=True)
    wrong = predicted @ others.transpose(1, 2)
    same = places.unsqueeze(1) == torch.arange(own.shape[1], device=own.device).unsqueeze(1)
    return torch.cat([right, wrong.masked_fill(same, -torch.inf)], dim=2)


def unit(t: Tensor) -> Tensor:
    return F.normalize(at_least_float32(t), dim=-1, eps=1e-6)
