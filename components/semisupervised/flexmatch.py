"""FlexMatch: FixMatch whose threshold is lower for the classes that are not learnt well yet.

Source: Zhang et al. 2021 (arXiv:2110.08263), equations 5 to 7 and 11: how well a class is learnt is told by
how many samples were taken for it with a confidence above the *fixed* threshold; the threshold of a class is
that threshold times b / (2 - b), b its count over the largest one, or over the samples not yet taken for any
class where those are more (warm-up).
Letters: see base; N rows of the data set.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from components.collectives import gather
from components.encoders.base import Encoder
from components.errors import UserError
from components.semisupervised.consistency import Seen, WeakStrong, WeakStrongConfig


class FlexmatchConfig(WeakStrongConfig):
    """Options of FlexMatch."""

    name: Literal["flexmatch"] = "flexmatch"
    """Selects FlexMatch (Zhang et al. 2021, arXiv:2110.08263)."""

    threshold: float = Field(default=0.95, gt=0, lt=1)
    """Tau: smallest confidence of a target of the class that is learnt best (published: 0.95)."""


def thresholds(taken: Tensor, threshold: float, classes: int) -> Tensor:
    """[K] thresholds of the classes.

    Args:
        taken: [N] int64, the class that a sample was taken for, -1 for none yet.

    Returns:
        b of 1, .5, .1 at .95: .95, .3166667, .05. All 0 as long as none is taken.
    """
    counts = torch.bincount(taken + 1, minlength=classes + 1)
    learnt = counts[1:] / counts.max().clamp(min=1)  # counts[0]: not yet taken
    return threshold * learnt / (2 - learnt)


def class_threshold_loss(
    weak_logits: Tensor, strong_logits: Tensor, threshold: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean over *all* U rows of mask * CE(strong, c), c = argmax of weak, mask = (p_c(weak) >= threshold_c).

    Args:
        weak_logits: [U, K], the targets' side: no gradient goes there. strong_logits: [U, K]. threshold: [K].

    Returns:
        [] nats and the mask [U] bool. p = (.96, .03, .01), (.6, .3, .1), (.94, .05, .01), (.2, .79, .01) at
        (.95, .3167, .05): mask 1, 0, 0, 1.
    """
    confidence, target = weak_logits.detach().softmax(dim=1).max(dim=1)
    mask = confidence >= threshold[target]
    return (mask * F.cross_entropy(strong_logits, target, reduction="none")).mean(), mask


@torch.no_grad()
def take(taken: Tensor, rows: Tensor, classes: Tensor) -> None:
    """taken[row] <- class where that is not -1, in place; of a row that comes twice the higher class.

    taken: [N]; rows, classes: [B] int64.
    """
    new = torch.full_like(taken, -1).scatter_reduce_(0, rows, classes, "amax")
    taken.copy_(torch.where(new >= 0, new, taken))


class Flexmatch(WeakStrong):
    """taken: [N] the class that each sample was last taken for."""

    config: FlexmatchConfig
    tied_to_rows = ("taken",)
    taken: Tensor

    def __init__(
        self,
        config: FlexmatchConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        """Raises UserError without the number of rows, for what is learnt is counted over all of them."""
        super().__init__(config, encoder, classes, rows, prior)
        if rows < 1:
            raise UserError(
                "value-out-of-range",
                f"flexmatch needs the number of samples that it counts over, got {rows}; give rows",
            )
        self.register_buffer("taken", torch.full((rows,), -1))
        self._sure: tuple[Tensor, Tensor] | None = None

    def consistency(self, seen: Seen) -> tuple[Tensor, dict[str, Tensor]]:
        limits = thresholds(self.taken, self.config.threshold, seen.weak.shape[1])
        loss, mask = class_threshold_loss(seen.weak, seen.strong, limits)
        if self.training:
            confidence, target = seen.weak.softmax(dim=1).max(dim=1)
            self._sure = seen.rows, torch.where(confidence >= self.config.threshold, target, -1)
        return loss, {"mask": mask.float().mean(), "threshold": limits.mean()}

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        if self._sure is not None:
            rows, classes = (gather(t) for t in self._sure)
            take(self.taken, rows, classes)
            self._sure = None
