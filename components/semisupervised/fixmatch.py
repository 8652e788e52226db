"""FixMatch: what the network says of a weak view, where it is sure, is the target of the strong view.

Source: Sohn et al. 2020, arXiv:2001.07685, equations 3 and 4; distribution alignment: Berthelot et al. 2020,
arXiv:1911.09785, section 3.1 (here towards the class shares of the labels). Added to it: pseudo-labels made
before the training are targets of the strong views too, weighted by confidence and fading out linearly,
because the network overtakes them.
Letters: see base.
"""

from typing import Literal

import torch
import torch.distributed as dist
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.semisupervised.base import Method, weighted_cross_entropy


class FixmatchConfig(Config):
    """threshold: least probability of a target. weight: of the consistency term (lambda).

    pseudo_weight: of the given pseudo-labels at the start; it falls to 0 by the end.
    align: whether targets are drawn towards the class shares of the labels; momentum: of the running mean for
    it.
    together: weak and strong views pass the network in one batch, as published, so that batch norm sees both;
    False looks at the weak views in eval mode without gradient, which is about a third cheaper.
    """

    name: Literal["fixmatch"] = "fixmatch"
    threshold: float = Field(default=0.95, gt=0, lt=1)
    weight: NonNegativeFloat = 1.0
    pseudo_weight: NonNegativeFloat = 0.5
    align: bool = True
    momentum: float = Field(default=0.95, ge=0, lt=1)
    together: bool = True


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


class Fixmatch(Method):
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
        super().__init__(encoder, classes, prior)
        self.config = config
        self.register_buffer("mean", self.prior.clone())  # running mean of p(weak)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """supervised + weight * consistency + pseudo_weight * (1 - progress) * pseudo-labels."""
        parts, config = self.parts(batch), self.config
        labelled = len(parts.targets)
        own, weak, strong = self.logits(encoder, parts.weak[0], parts.strong[0], labelled)
        supervised = weighted_cross_entropy(own, parts.targets, parts.weights)
        consistency, mask = fixmatch_loss(self.aligned(weak), strong, config.threshold)
        pseudo = weighted_cross_entropy(strong, parts.pseudo_targets, parts.pseudo_weights)
        fading = config.pseudo_weight * (1 - self.progress)
        total = supervised + config.weight * consistency + fading * pseudo
        figures = {
            "supervised": supervised,
            "consistency": consistency,
            "pseudo": pseudo,
            "mask": mask.float().mean(),
        }
        return Losses(total, {name: value.detach() for name, value in figures.items()})

    def logits(
        self, encoder: Encoder, weak: Tensor, strong: Tensor, labelled: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """[L, K], [U, K], [U, K] logits of labelled weak, unlabelled weak (no gradient) and strong views."""
        same = weak.shape[1:] == strong.shape[1:]
        if self.config.together:
            features = (
                encoder(torch.cat([weak, strong])) if same else torch.cat([encoder(weak), encoder(strong)])
            )
            own, quiet, loud = self.head(features).split([labelled, len(strong), len(strong)])
            return own, quiet.detach(), loud
        was = encoder.training
        encoder.eval()
        with torch.no_grad():
            quiet = self.head(encoder(weak[labelled:]))
        encoder.train(was)
        first = weak[:labelled]
        features = (
            encoder(torch.cat([first, strong])) if same else torch.cat([encoder(first), encoder(strong)])
        )
        own, loud = self.head(features).split([labelled, len(strong)])
        return own, quiet, loud

    @torch.no_grad()
    def aligned(self, logits: Tensor) -> Tensor:
        """[U, K] logits of p * prior / mean: multiplying probabilities is adding logarithms."""
        logits = logits.float()
        if not self.config.align:
            return logits
        if self.training:
            now = logits.softmax(dim=1).mean(dim=0)
            if dist.is_available() and dist.is_initialized():
                dist.all_reduce(now)
                now /= dist.get_world_size()
            self.mean.lerp_(now, 1 - self.config.momentum)
        return logits + self.prior.clamp(min=1e-6).log() - self.mean.clamp(min=1e-6).log()
