"""Views of texts: a whole batch at once, in plain torch, on the device of the batch.

Sources: tokens left out: UDA and EDA (Xie et al. 2019, arXiv:1904.12848; Wei & Zou 2019, arXiv:1901.11196), masked:
BERT (Devlin et al. 2018, arXiv:1810.04805), words in another order within a window: Lample et al. 2017
(arXiv:1711.00043), section 2.3; a span of the text: DeCLUTR (Giorgi et al. 2020, arXiv:2006.03659).
Letters: B texts, T tokens of the longest of a batch, V pieces of the vocabulary, n tokens of a text without CLS.
Every text draws its own numbers, as many as the longest text that there may be needs, so that no text's view depends
on another's length. The first token (CLS) stays where it is, and padding at the end.
"""

from functools import lru_cache

import torch
from pydantic import Field, NonNegativeInt, model_validator
from torch import Tensor

from components.config import Config
from components.modalities.text.config import TextPacking
from components.modalities.text.tokenizer import MASK, PAD, begins_word


class TextView(Config):
    """How a view of a text is made, in this order. What is not named is left as it is."""

    crop: tuple[float, float] = (1.0, 1.0)
    """Bounds of the share of a text that is kept, as one span."""

    swap: NonNegativeInt = 0
    """Words change places within a window: none moves by this many places or more."""

    drop: float = Field(default=0.0, ge=0, lt=1)
    """Probability that a token is left out; one token of each text stays."""

    mask: float = Field(default=0.0, ge=0, lt=1)
    """Probability that a token is replaced by [MASK]."""

    @model_validator(mode="after")
    def _ordered(self) -> "TextView":
        low, high = self.crop
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop must be [smallest, largest] in (0, 1], got {list(self.crop)}")
        return self


def augment(view: Tensor, how: TextView, packing: TextPacking, generator: torch.Generator) -> Tensor:
    """[B, T] int64 -> [B, T]: see TextView."""
    draws = _draws(len(view), packing.length, generator).to(view.device)
    share, place, each = draws[:, :1, 0], draws[:, 1:2, 0], draws[:, 2:, : view.shape[1]]
    low, high = how.crop
    if low < 1:
        view = cropped(view, low + (high - low) * share, place)
    if how.swap:
        view = shuffled(view, how.swap, each[:, 0], begins(packing.vocabulary).to(view.device))
    if how.drop:
        view = thinned(view, each[:, 1], how.drop)
    if how.mask:
        view = masked(view, each[:, 2] < how.mask)
    return view


def cropped(view: Tensor, share: Tensor, place: Tensor) -> Tensor:
    """The span of share * n tokens, rounded to 1 or more, that begins at `place` of the places there are.

    view: [B, T]. share: [B, 1] in (0, 1]. place: [B, 1] in [0, 1). CLS a b c d at .5, .4 gives CLS b c.
    """
    count = (view[:, 1:] != PAD).sum(dim=1, keepdim=True)
    kept = (share * count).round().clamp(min=1).long()
    first = 1 + (place * (count - kept + 1).clamp(min=1)).long()
    at = torch.arange(view.shape[1], device=view.device)
    return _compact(view, (at == 0) | ((at >= first) & (at < first + kept)))


def shuffled(view: Tensor, window: int, numbers: Tensor, first: Tensor) -> Tensor:
    """Words in the order of (place + number * window), pieces of a word together; CLS first, padding last.

    view: [B, T]. numbers: [B, T] in [0, 1), of which a word takes that of its first piece. first: [V] bool, which
    pieces begin a word.
    """
    first = first[view]
    word = first.long().cumsum(dim=1)
    start = (first * torch.arange(view.shape[1], device=view.device)).cummax(dim=1).values
    key = word + window * numbers.gather(1, start)
    key[:, 0] = -1
    key = key.masked_fill(view == PAD, torch.inf)
    return view.gather(1, key.argsort(dim=1, stable=True))


def thinned(view: Tensor, numbers: Tensor, share: float) -> Tensor:
    """Without the tokens whose number is below `share`; of a text whose tokens all are, the one of the highest number
    stays. view, numbers: [B, T]."""
    numbers = numbers.masked_fill(view == PAD, -1)
    numbers = torch.cat([torch.full_like(numbers[:, :1], 2), numbers[:, 1:]], dim=1)
    best = torch.cat(
        [numbers[:, :1], numbers[:, 1:].amax(dim=1, keepdim=True).expand_as(numbers[:, 1:])], dim=1
    )
    return _compact(view, (numbers >= share) | (numbers == best))


def masked(view: Tensor, hidden: Tensor) -> Tensor:
    """[MASK] where `hidden` [B, T], but for CLS and padding."""
    hidden = hidden & (view != PAD)
    hidden[:, 0] = False
    return view.masked_fill(hidden, MASK)


def _compact(view: Tensor, kept: Tensor) -> Tensor:
    """What is kept, in order, and 0 behind it."""
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
    return view.masked_fill(~kept, PAD).gather(1, order)


def _draws(texts: int, longest: int, generator: torch.Generator) -> Tensor:
    """[B, 5, longest] in [0, 1)."""
    return torch.rand(texts, 5, longest, generator=generator, device=generator.device)


@lru_cache(maxsize=4)
def begins(vocabulary: tuple[str, ...]) -> Tensor:
    """[V] bool: which pieces begin a word."""
    return torch.from_numpy(begins_word(vocabulary))
