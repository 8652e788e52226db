"""FixMatch: what the network says of a weak view, where it is sure, is the target of the strong view.

Source: Sohn et al. 2020, arXiv:2001.07685, equations 3 and 4; distribution alignment: see alignment (here
towards the class shares of the labels). Pseudo-labels made before the training are targets of the strong
views too: see consistency.
Letters: see base.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from components.encoders.base import Encoder
from components.semisupervised.consistency import Seen, WeakStrong, WeakStrongConfig
from components.semisupervised.parts.alignment import aligned, everywhere


class FixmatchConfig(WeakStrongConfig):
    """Options of FixMatch."""

    name: Literal["fixmatch"] = "fixmatch"
    """Selects FixMatch (Sohn et al. 2020, arXiv:2001.07685)."""

    threshold: float = Field(default=0.95, gt=0, lt=1)
    """Smallest confidence of a target (published: 0.95)."""

    align: bool = True
    """Distribution alignment: move targets towards the class shares of the labels."""

    momentum: float = Field(default=0.95, ge=0, lt=1)
    """Momentum of the running mean of the predictions used by `align`."""


def fixmatch_loss(weak_logits: Tensor, strong_logits: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Mean over *all* U rows of mask * CE(strong, argmax of weak), mask = (max p(weak) >= threshold).

    Args:
        weak_logits: [U, K], the targets' side: no gradient goes there. strong_logits: [U, K].

    Returns:
        [] nats and the mask [U] bool. p = (.96, .03, .01), (.6, .3, .1), (.94, .05, .01), (.2, .79, .01) at
        .95:
        mask 1, 0, 0, 0.

    Raises:
        ValueError: the shapes differ.
    """
    if weak_logits.shape != strong_logits.shape or weak_logits.ndim != 2:
        raise ValueError(
            f"fixmatch_loss needs two equal [U, K], got {tuple(weak_logits.shape)} "
            f"and {tuple(strong_logits.shape)}"
        )
    confidence, target = weak_logits.detach().float().softmax(dim=1).max(dim=1)
    mask = confidence >= threshold
    each = F.cross_entropy(strong_logits.float(), target, reduction="none")
    return (mask * each).mean(), mask


class Fixmatch(WeakStrong):
    config: FixmatchConfig
    mean: Tensor

    def __init__(
        self,
        config: FixmatchConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        """prior: what targets are drawn towards."""
        super().__init__(config, encoder, classes, rows, prior)
        self.register_buffer("mean", self.prior.clone())  # running mean of p(weak)

    def consistency(self, seen: Seen) -> tuple[Tensor, dict[str, Tensor]]:
        loss, mask = fixmatch_loss(self.aligned(seen.weak), seen.strong, self.config.threshold)
        return loss, {"mask": mask.float().mean()}

    @torch.no_grad()
    def aligned(self, logits: Tensor) -> Tensor:
        """[U, K] logits drawn towards the class shares of the labels."""
        if not self.config.align:
            return logits
        if self.training:
            self.mean.lerp_(everywhere(logits.softmax(dim=1)), 1 - self.config.momentum)
        return aligned(logits, self.prior, self.mean)
