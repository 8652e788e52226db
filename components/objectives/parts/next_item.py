"""What the objectives that predict items of histories share.

Letters: B users, T events of the longest of a batch, n events of one, W events of a window, S windows, m events that
are predicted, K negatives, V items, E width.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from components.modalities.events.config import FIRST, PAD
from components.modalities.events.views import lengths
from components.objectives.parts.token_masks import mean_over_tokens
from components.precision import at_least_float32


def windows(view: Tensor, size: int, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cut histories into windows, of which each event is in one.

    Args:
        view: [B, T]. size: W. shift: [B] in [0, 1); of a history of more than W events the first window has
            shift * W of them, so that windows begin elsewhere each time.

    Returns:
        [S, W] the windows, 0 behind the end of one; [S, W] the event after each event, 0 where there is none; and [S]
        int64, of which of the B histories each window is. Windows without an event are left out, but for one.
    """
    count = lengths(view).unsqueeze(1)  # [B, 1]
    begin = torch.where(
        count > size, (shift.to(view.device).unsqueeze(1) * size).long(), 0
    )  # end of window 0
    parts = 1 + math.ceil(view.shape[1] / size)
    end = begin + size * torch.arange(parts, device=view.device)  # [B, parts]
    first = (end - size).clamp(min=0)
    place = first.unsqueeze(2) + torch.arange(size, device=view.device)  # [B, parts, W]
    inside = (place < end.unsqueeze(2)) & (place < count.unsqueeze(2))
    longer = F.pad(view, (0, 1))
    flat = place.clamp(max=view.shape[1] - 1).flatten(1)
    seen = longer.gather(1, flat).view_as(place).masked_fill(~inside, PAD)
    after = longer.gather(1, flat + 1).view_as(place).masked_fill(~inside, PAD)
    kept = (seen != PAD).any(dim=2)
    kept[0, 0] |= ~kept.any()
    return seen[kept], after[kept], kept.nonzero()[:, 0]


def item_loss(hidden: Tensor, targets: Tensor, items: Tensor, drawn: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of the predicted items, over all ranks.

    Source: all items: Klenitskiy & Vasilev 2023 (arXiv:2309.07602). Sampled: Bengio & Senecal 2008
    (doi:10.1109/TNN.2007.912312); drawn uniformly, each stands for (V - 1) / K items, and one that is the target counts
    as none.

    Args:
        hidden: [m, E]. targets: [m] int64, 0 to V - 1. items: [V, E]. drawn: [K] int64, items that stand for all
            others; None: the sum is over all V.

    Returns:
        [] nats; ln V where all products are equal.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        h, e = at_least_float32(hidden), at_least_float32(items)
        if drawn is None:
            return mean_over_tokens(F.cross_entropy(h @ e.T, targets, reduction="none"))
        own = (h * e[targets]).sum(dim=1)
        other = drawn != targets.unsqueeze(1)  # [m, K]
        weight = math.log(len(items) - 1) - other.sum(dim=1, keepdim=True).clamp(min=1).log()
        rest = (h @ e[drawn].T + weight).masked_fill(~other, -torch.inf)
        return mean_over_tokens(torch.logsumexp(torch.cat([own.unsqueeze(1), rest], dim=1), dim=1) - own)


def known(targets: Tensor) -> Tensor:
    """Which targets are known items: bool of the same shape."""
    return targets >= FIRST
