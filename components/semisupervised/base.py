"""What every semi-supervised method is: an objective with a linear head, which learns from labels and
unlabelled samples.

The batch: rows 0..L-1 are labelled (L = batch.labelled), the U rows after them are not.

- views: first the method's `weak` weak views of every row, each [L + U, C, S, S]; then its `strong` strong views of the
  unlabelled rows alone, each [U, C, S', S'].
- targets: [L + U] the class of a labelled row, the pseudo-label of another (-1 where there is none).
- weights: [L + U] how much that target counts: 1 for a label, the confidence of a pseudo-label.

Letters: L labelled, U unlabelled samples in a batch, K classes, D feature size, C channels, S side of a view.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from pydantic import NonNegativeFloat
from torch import Tensor, nn

from components.collectives import gather
from components.config import Config
from components.encoders.base import Encoder
from components.objectives.base import Batch, Objective
from components.objectives.parts.sample_rng import Chance
from components.semisupervised.parts.entropy import mean_entropy
from components.semisupervised.parts.loss import LossConfig, supervised_loss
from components.semisupervised.parts.mixing import MixConfig, mix_rows
from components.semisupervised.parts.robust import remember


class Settings(Config):
    """Options that every method has."""

    loss: LossConfig = LossConfig()
    """Loss of the labelled samples."""

    entropy: NonNegativeFloat = 0.0
    """Weight of the mean entropy of the predictions for unlabelled views (published with VAT: 1)."""

    mix: MixConfig | None = None
    """How labelled views are mixed in training (mixup or cutmix); null: they are not."""


@dataclass(frozen=True)
class Parts:
    """A batch taken apart. weak: each [L + U, ...]; strong: each [U, ...]; targets, weights: of labelled and
    unlabelled rows; targets of mixed rows are shares [L, K]. index: [L + U] rows of the data set."""

    weak: list[Tensor]
    strong: list[Tensor]
    targets: Tensor
    weights: Tensor
    pseudo_targets: Tensor
    pseudo_weights: Tensor
    index: Tensor


def take_apart(batch: Batch, weak: int, strong: int) -> Parts:
    """Read the layout above.

    Raises:
        ValueError: a batch without targets, without a labelled row, or with other views than `weak` and
            `strong` of these rows.
    """
    rows, labelled = len(batch.index), batch.labelled or 0
    expected = [rows] * weak + [rows - labelled] * strong
    if batch.targets is None or labelled < 1 or [len(v) for v in batch.views] != expected:
        raise ValueError(
            f"this method needs targets, a labelled row and views of {expected} rows, got "
            f"{'no' if batch.targets is None else len(batch.targets)} targets, {labelled} labelled rows and "
            f"views of {[len(v) for v in batch.views]} rows"
        )
    weights = torch.ones(rows, device=batch.targets.device) if batch.weights is None else batch.weights
    return Parts(
        weak=batch.views[:weak],
        strong=batch.views[weak:],
        targets=batch.targets[:labelled],
        weights=weights[:labelled],
        pseudo_targets=batch.targets[labelled:],
        pseudo_weights=weights[labelled:],
        index=batch.index,
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
    """A semi-supervised method. head: nn.Linear(D, K), the layer that is exported with the encoder.

    weak, strong: how many of these views it wants. uses_unlabelled: whether it looks at unlabelled rows.
    prior: [K] shares of the classes among the labels; equal shares where None. settings: what every method
    can be given. memory: [R, K] what elr remembers of each row.
    """

    weak: int = 1
    strong: int = 1
    uses_unlabelled: bool = True
    prior: Tensor
    memory: Tensor

    def __init__(
        self,
        encoder: Encoder,
        classes: int,
        prior: Tensor | None = None,
        settings: Settings | None = None,
        rows: int = 0,
    ) -> None:
        super().__init__()
        self.head = nn.Linear(encoder.feature_dim, classes)
        shares = torch.full((classes,), 1.0 / classes) if prior is None else prior.float() / prior.sum()
        self.register_buffer("prior", shares)
        self.settings = settings or Settings()
        if self.settings.loss.name == "elr":
            self.register_buffer("memory", torch.zeros(rows, classes))
        self.mixing = Chance() if self.settings.mix is not None else None

    def parts(self, batch: Batch) -> Parts:
        """Raises ValueError when the batch is not laid out as this method needs it."""
        parts = take_apart(batch, self.weak, self.strong)
        if self.settings.mix is None or self.mixing is None or not self.training:
            return parts
        size, classes = len(parts.targets), self.head.out_features
        views, targets = mix_rows(
            self.settings.mix,
            self.mixing,
            [view[:size] for view in parts.weak],
            parts.index[:size],
            parts.targets,
            parts.weights,
            classes,
        )
        weak = [torch.cat([own, view[size:]]) for own, view in zip(views, parts.weak, strict=True)]
        return replace(parts, weak=weak, targets=targets, weights=torch.ones_like(parts.weights))

    def label_loss(self, logits: Tensor, parts: Parts) -> Tensor:
        """[L, K] logits of the labelled rows -> [] nats, as `settings.loss` says."""
        config, remembered = self.settings.loss, None
        if config.name == "elr":
            index = parts.index[: len(logits)]
            if self.training:
                remember(self.memory, gather(index), gather(logits.detach()), config.momentum)
            remembered = self.memory[index]
        return supervised_loss(logits, parts.targets, parts.weights, config, self.prior, remembered)

    def entropy_loss(self, logits: Tensor) -> Tensor:
        """[U, K] logits of unlabelled views, with gradient -> [] settings.entropy * their mean entropy."""
        return self.settings.entropy * mean_entropy(logits)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        if self.mixing is not None:
            self.mixing.tick()
