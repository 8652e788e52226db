"""What every semi-supervised method is: an objective with a linear head, which learns from labels and
unlabelled samples.

The batch: rows 0..L-1 are labelled, the U rows after them are not.
  views[0]: [L + U, C, S, S] the weak view of every row; views[1], where there is one: [U, C, S', S'] the
  strong view of the last U rows alone, so U = len(views[1]).
  targets: [L + U] the class of a labelled row, the pseudo-label of another (-1 where there is none).
  weights: [L + U] how much that target counts: 1 for a label, the confidence of a pseudo-label.
Letters: L labelled, U unlabelled samples in a batch, K classes, D feature size, C channels, S side of a view.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.objectives.base import Batch, Objective


@dataclass(frozen=True)
class Parts:
    """A batch taken apart. weak: [L + U, ...]; strong: [U, ...] or None; targets, weights: of labelled and
    unlabelled."""

    weak: Tensor
    strong: Tensor | None
    targets: Tensor
    weights: Tensor
    pseudo_targets: Tensor
    pseudo_weights: Tensor


def take_apart(batch: Batch) -> Parts:
    """Read the layout above.

    Raises:
        ValueError: a batch without targets, with more unlabelled rows than rows, or without a labelled row.
    """
    rows = len(batch.index)
    unlabelled = len(batch.views[1]) if len(batch.views) > 1 else 0
    labelled = rows - unlabelled
    if batch.targets is None or len(batch.views[0]) != rows or labelled < 1:
        raise ValueError(
            f"a semi-supervised batch needs targets, a weak view of every row and a labelled row, got "
            f"{'no' if batch.targets is None else len(batch.targets)} targets, {rows} rows, "
            f"{len(batch.views[0])} weak and {unlabelled} strong views"
        )
    weights = torch.ones(rows, device=batch.targets.device) if batch.weights is None else batch.weights
    return Parts(
        weak=batch.views[0],
        strong=batch.views[1] if unlabelled else None,
        targets=batch.targets[:labelled],
        weights=weights[:labelled],
        pseudo_targets=batch.targets[labelled:],
        pseudo_weights=weights[labelled:],
    )


def weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """sum_i w_i CE(logits_i, targets_i) / N: the mean over *all* N rows, so that rows without a target weaken
    it.

    Args:
        logits: [N, K]; targets: [N], -1 counts as weight 0; weights: [N] >= 0.

    Returns:
        [] nats; log K for constant logits and weights of 1.
    """
    each = F.cross_entropy(logits.float(), targets, reduction="none", ignore_index=-1)
    return (weights * each).sum() / len(targets)


class Method(Objective):
    """A semi-supervised method. head: nn.Linear(D, K), the layer that is exported with the encoder."""

    uses_unlabelled: bool

    def __init__(self, feature_dim: int, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(feature_dim, classes)
        self.register_buffer("progress", torch.zeros(()))

    progress: Tensor

    def after_step(self, encoder: Encoder, progress: float) -> None:
        self.progress.fill_(progress)
