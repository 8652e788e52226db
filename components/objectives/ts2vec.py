"""TS2Vec: tokens of two overlapping spans of a series agree, step by step and at every coarser scale.

Source: Yue et al. 2022 (arXiv:2106.10466), section 3.3, equations 1 and 2; github.com/zhihanyue/ts2vec,
models/losses.py and ts2vec.py. Two spans overlap; time steps of each are hidden at random; in the overlap a token is
compared with those of other steps of its series (temporal) and with those of other series at its step (instance), by
products without temperature. Then tokens are pooled by twos (maximum), and again, until one is left; the loss is the
mean over scales.
Differs: spans are shares of a series, so that series of any length overlap as much (published: the same places for the
whole batch); steps behind the end of a series are in no comparison; a hidden step is a gap to the encoder. Series are
compared within the batch of their process.
Letters: B samples on this rank, T time steps, E token size.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.series import SeriesEncoder, series_encoder
from components.errors import UserError
from components.modalities.series.views import lengths, shifted
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.precision import at_least_float32

CUTS, FIRST_MASK, SECOND_MASK = range(3)  # streams of random numbers


class Ts2vecConfig(Config):
    """Options of TS2Vec."""

    name: Literal["ts2vec"] = "ts2vec"
    """Selects TS2Vec (Yue et al. 2022, arXiv:2106.10466)."""

    instance: float = Field(default=0.5, ge=0, le=1)
    """Weight of the comparison with other series; that with other steps has the rest (published: 0.5)."""

    hidden: float = Field(default=0.5, ge=0, lt=1)
    """Probability that a time step of a span is hidden (published: 0.5)."""

    shortest: float = Field(default=0.3, gt=0, le=1)
    """Smallest share of a series in which both spans overlap."""


class Ts2vec(Drawing):
    needs = "series"

    def __init__(self, config: Ts2vecConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens of series."""
        super().__init__()
        series_encoder(encoder, "ts2vec")
        self.config = config

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats, mean over scales.

        Raises:
            UserError: not one view, an encoder of something else, or one sample alone.
        """
        view, series = only_view(batch, "ts2vec"), series_encoder(encoder, "ts2vec")
        if len(view) < 2:
            raise UserError(
                "batch-too-small", f"ts2vec needs 2 samples or more, got {len(view)}; raise batch_size"
            )
        left, begin, stop, right = self.cuts(lengths(view), batch.index)
        first = self.tokens(series, view, left, stop, batch.index, FIRST_MASK)
        second = self.tokens(series, view, begin, right, batch.index, SECOND_MASK)
        width, overlap = view.shape[2], stop - begin
        at = torch.arange(width, device=view.device)
        inside = at < overlap.unsqueeze(1)
        first = aligned(first, begin - left)
        with torch.autocast(view.device.type, enabled=False):
            return Losses(hierarchical(first, second, inside, self.config.instance))

    def cuts(self, count: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """left <= begin < stop <= right, [B] int64 each: spans [left, stop) and [begin, right), which share
        [begin, stop)."""
        share, place, before, behind = self.chance.uniform(index, 4, stream=CUTS).to(count.device).unbind(1)
        share = self.config.shortest + (1 - self.config.shortest) * share
        overlap = torch.minimum((share * count).round().long().clamp(min=1), count.clamp(min=1))
        begin = (place * (count - overlap + 1).clamp(min=1)).long()
        stop = begin + overlap
        left = (before * (begin + 1)).long()
        right = stop + (behind * (count - stop + 1).clamp(min=1)).long()
        return left, begin, stop, right

    def tokens(
        self, series: SeriesEncoder, view: Tensor, first: Tensor, end: Tensor, index: Tensor, stream: int
    ) -> Tensor:
        """[B, T, E] of the span [first, end) of each series, moved to the beginning, some steps hidden."""
        span = shifted(view, first.unsqueeze(1), (end - first).unsqueeze(1))
        hide = self.chance.uniform(index, view.shape[2], stream=stream).to(view.device) < self.config.hidden
        # The last step stays: what is behind it would else count as behind the end.
        hide = hide & (torch.arange(view.shape[2], device=view.device) != (end - first - 1).unsqueeze(1))
        return series.tokens(span.masked_fill(hide.unsqueeze(1), torch.nan))


def aligned(tokens: Tensor, first: Tensor) -> Tensor:
    """[B, T, E] moved so that token `first` [B] is the first; what comes after the last is of no meaning."""
    at = torch.arange(tokens.shape[1], device=tokens.device) + first.unsqueeze(1)
    place = at.clamp(max=tokens.shape[1] - 1).unsqueeze(2).expand_as(tokens)
    return tokens.gather(1, place)


def hierarchical(first: Tensor, second: Tensor, inside: Tensor, instance: float = 0.5) -> Tensor:
    """[] mean over scales of the two contrasts.

    Args:
        first, second: [B, T, E] tokens of the same steps. inside: [B, T] bool, those that count, from the first on.
        instance: weight of the contrast of series.

    Returns:
        Where all tokens are equal and T = 1: instance * log(2B - 1).
    """
    first, second = at_least_float32(first), at_least_float32(second)
    longest = int(inside.sum(dim=1).amax())
    first, second, inside = first[:, :longest], second[:, :longest], inside[:, :longest]
    total, scales = first.new_zeros(()), 0
    while True:
        if instance:
            total = total + instance * instance_contrast(first, second, inside)
        scales += 1
        if first.shape[1] == 1:
            return total / scales
        if instance < 1:
            total = total + (1 - instance) * temporal_contrast(first, second, inside)
        first, second, inside = (*(pooled(t, inside) for t in (first, second)), paired(inside))


def instance_contrast(first: Tensor, second: Tensor, inside: Tensor) -> Tensor:
    """Of each token -log p(the other span's token of its series | tokens of all series at its step), mean over tokens.

    [B, T, E] and [B, T] bool. log(2B - 1) where all tokens of a step are equal.
    """
    return _contrast(first.transpose(0, 1), second.transpose(0, 1), inside.T)


def temporal_contrast(first: Tensor, second: Tensor, inside: Tensor) -> Tensor:
    """Of each token -log p(the other span's token of its step | tokens of its series at all steps), mean over tokens.

    [B, T, E] and [B, T] bool. log(2T - 1) where all tokens of a series are equal.
    """
    return _contrast(first, second, inside)


def _contrast(first: Tensor, second: Tensor, inside: Tensor) -> Tensor:
    """[G, M, E] and [G, M] bool: in each of G groups, M pairs among 2M tokens, of which those inside count."""
    both, there = torch.cat([first, second], dim=1), torch.cat([inside, inside], dim=1)
    logits = both @ both.transpose(1, 2)
    size = both.shape[1]
    itself = torch.eye(size, dtype=torch.bool, device=both.device)
    logits = logits.masked_fill(itself | ~there.unsqueeze(1), -torch.inf)
    partner = torch.arange(size, device=both.device).roll(size // 2)
    loss = torch.logsumexp(logits.masked_fill(~there.unsqueeze(2), 0.0), dim=2)
    own = torch.einsum("gme,gme->gm", both, both[:, partner])
    # Of this process: how many scales there are, and so how many means, depends on its longest series.
    return (loss - own).masked_fill(~there, 0.0).sum() / there.sum().clamp(min=1)


def pooled(tokens: Tensor, inside: Tensor) -> Tensor:
    """[B, T, E] -> [B, T // 2, E]: the larger of two that follow each other, of those inside; the last of an odd number
    is left out. Where none is inside: 0."""
    lowest = torch.finfo(tokens.dtype).min
    found = F.max_pool1d(tokens.masked_fill(~inside.unsqueeze(2), lowest).transpose(1, 2), 2).transpose(1, 2)
    return found.masked_fill(~paired(inside).unsqueeze(2), 0.0)


def paired(inside: Tensor) -> Tensor:
    """[B, T] -> [B, T // 2] bool: whether one of two is inside."""
    even = inside.shape[1] // 2 * 2
    return inside[:, 0:even:2] | inside[:, 1:even:2]
