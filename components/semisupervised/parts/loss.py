"""What labels cost: one function that every method calls for its labelled rows, and its configuration.

Letters: N rows, K classes, R rows of the data set.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from components.config import Config
from components.precision import at_least_float32
from components.semisupervised.parts import robust
from components.semisupervised.parts.adjustment import adjusted
from components.semisupervised.parts.smoothing import shares, smoothed


class LossConfig(Config):
    """Loss of the labelled samples."""

    name: Literal["ce", "gce", "sce", "elr"] = "ce"
    """`ce`: cross-entropy; `gce`: generalised, `sce`: symmetric cross-entropy, `elr`: early-learning
    regularisation. The last three are for labels that may be wrong."""

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target that is spread over all classes (published: 0.1)."""

    adjustment: NonNegativeFloat = 0.0
    """Tau of logit adjustment, for classes of unequal size (published: 1); 0: off."""

    q: float = Field(default=0.7, gt=0, le=1)
    """Exponent q of `gce`."""

    alpha: NonNegativeFloat = 0.1
    """Weight of the cross-entropy in `sce` (published for CIFAR-10: 0.1)."""

    beta: NonNegativeFloat = 1.0
    """Weight of the reverse cross-entropy in `sce` (published for CIFAR-10: 1)."""

    floor: float = Field(default=-4.0, lt=0)
    """Logarithm of 0 in the reverse cross-entropy of `sce` (published: -4)."""

    memory: NonNegativeFloat = 3.0
    """Weight of the regulariser of `elr` (published for CIFAR-10: 3)."""

    momentum: float = Field(default=0.7, ge=0, lt=1)
    """Momentum of the running mean of the predictions in `elr` (published for CIFAR-10: 0.7)."""


PLAIN = LossConfig()


def supervised_loss(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    config: LossConfig = PLAIN,
    prior: Tensor | None = None,
    remembered: Tensor | None = None,
) -> Tensor:
    """sum_i w_i loss_i / N: the mean over *all* N rows, so that rows without a target weaken it.

    Args:
        logits: [N, K]. targets: [N] classes, -1 counts as weight 0, or [N, K] shares. weights: [N] >= 0.
        prior: [K] class shares for the adjustment. remembered: [N, K] for elr.

    Returns:
        [] nats; log K for constant logits, weights of 1 and the plain loss.
    """
    with torch.autocast(logits.device.type, enabled=False):
        given = smoothed(shares(targets, logits.shape[1]), config.smoothing)
        classes_alone = targets.ndim == 1 and config.smoothing == 0
        logits = at_least_float32(logits)
        logits = logits if prior is None else adjusted(logits, prior, config.adjustment)
        if config.name == "gce":
            each = robust.generalised(logits, given, config.q)
        elif config.name == "sce":
            each = robust.symmetric(logits, given, config.alpha, config.beta, config.floor)
        elif classes_alone:
            each = F.cross_entropy(logits, targets, reduction="none", ignore_index=-1)
        else:
            each = robust.cross_entropy(logits, given)
        if remembered is not None:
            each = each + config.memory * robust.early(logits, remembered)
        return (weights * each).sum() / len(logits)
