"""Learn the class of each pixel: from masks alone, or from masks and the network's own sure answers.

Sources: cross-entropy and soft Dice in equal parts, Milletari et al. 2016 (arXiv:1606.04797) with the terms of Sudre et
al. 2017 (arXiv:1707.03237), over the classes that the batch's masks hold; consistency as FixMatch, Sohn et al. 2020
(arXiv:2001.07685), pixel by pixel: the class that the network is sure of in a view of plain tone is the target in one
of strong tone. Both views are moved alike, so that pixels lie on each other.
A batch has the views [labelled] or [labelled, plain, strong]; targets are the masks [L, S, S] of the labelled view.
Letters: L labelled, U unlabelled images of a batch, C channels, S side in pixels, K classes.
"""

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from components.config import Config
from components.data.masks import IGNORE
from components.encoders.base import Encoder
from components.encoders.decoder import mapping
from components.encoders.dense_head import dense_head, scores_of
from components.objectives.base import Batch, Losses, Objective
from components.precision import at_least_float32
from components.semisupervised.parts.batchnorm import frozen_bn_stats


class MaskMethodConfig(Config):
    """Options of learning from masks."""

    dice: NonNegativeFloat = 1.0
    """Weight of the soft Dice loss beside cross-entropy."""

    threshold: float = Field(default=0.9, gt=0, le=1)
    """Confidence from which on a pixel of an unlabelled image is learnt from."""

    weight: NonNegativeFloat = 1.0
    """Weight of the unlabelled images' loss, the mean over all their pixels, sure or not."""

    begin: float = Field(default=0.25, ge=0, lt=1)
    """Share of training after which unlabelled images are learnt from."""


def mask_loss(scores: Tensor, masks: Tensor, dice: float = 1.0) -> tuple[Tensor, Tensor]:
    """Cross-entropy in nats, mean over the pixels that are not ignored, and the soft Dice loss times `dice`.

    Args:
        scores: [L, K, S, S]; masks: [L, S, S] int64 in 0..K-1, or IGNORE. Ignored pixels have no gradient; of masks
            that are all ignored both are 0.
    """
    scores, known = at_least_float32(scores), masks != IGNORE
    each = F.cross_entropy(scores, masks, ignore_index=IGNORE, reduction="sum")
    return each / known.sum().clamp(min=1), dice * soft_dice_loss(scores, masks)


def soft_dice_loss(scores: Tensor, masks: Tensor) -> Tensor:
    """1 - 2 sum(p y) / (sum(p) + sum(y)), the sums over all pixels of the batch that are not ignored; the mean over the
    classes that their masks hold. p: probabilities [L, K, S, S] of scores; y: 1 where the mask has the class.

    One pixel of class 0 with p = (0.5, 0.5): 1 - 2 * 0.5 / 1.5 = 1/3.
    """
    known = (masks != IGNORE).unsqueeze(1)
    p = scores.softmax(dim=1) * known
    truth = F.one_hot(masks.masked_fill(masks == IGNORE, 0), scores.shape[1]).movedim(-1, 1) * known
    both, p_sum, y_sum = ((part).sum(dim=(0, 2, 3)) for part in (p * truth, p, truth))
    held = y_sum > 0
    if not held.any():
        return scores.sum() * 0
    return (1 - 2 * both / (p_sum + y_sum))[held].mean()


def pseudo_masks(scores: Tensor, threshold: float) -> Tensor:
    """[U, K, S, S] -> [U, S, S] int64: the likeliest class where its probability is at least the threshold, IGNORE
    elsewhere."""
    confidence, classes = at_least_float32(scores).softmax(dim=1).max(dim=1)
    return classes.masked_fill(confidence < threshold, IGNORE)


class MaskMethod(Objective):
    """Trains a dense head, and the encoder unless `frozen`; on unlabelled images too where `consistent`."""

    def __init__(
        self,
        config: MaskMethodConfig,
        encoder: Encoder,
        classes: int,
        width: int,
        *,
        frozen: bool,
        consistent: bool,
    ) -> None:
        super().__init__()
        self.config, self.frozen, self.consistent = config, frozen, consistent
        self.head = dense_head(mapping(encoder, "segmentation"), classes, width)

    def scores(self, encoder: Encoder, view: Tensor) -> Tensor:
        return scores_of(mapping(encoder, "segmentation"), self.head, view, frozen=self.frozen)[0]

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        if self.frozen:
            encoder.eval()  # batch norm too stays as it was pretrained
        labelled, masks = batch.views[0], batch.targets
        assert masks is not None, "a batch of masks has targets"
        if not self.consistent or float(self.progress) < self.config.begin:
            entropy, dice = mask_loss(self.scores(encoder, labelled), masks, self.config.dice)
            return Losses(entropy + dice, {"cross_entropy": entropy.detach(), "dice": dice.detach()})
        with torch.no_grad(), frozen_bn_stats(self), frozen_bn_stats(encoder):
            targets = pseudo_masks(self.scores(encoder, batch.views[1]), self.config.threshold)
        both = self.scores(encoder, torch.cat([labelled, batch.views[2]]))
        entropy, dice = mask_loss(both[: len(labelled)], masks, self.config.dice)
        unlabelled = at_least_float32(both[len(labelled) :])
        own = F.cross_entropy(unlabelled, targets, ignore_index=IGNORE, reduction="sum") / targets.numel()
        parts = {"cross_entropy": entropy, "dice": dice, "consistency": own}
        parts["sure"] = (targets != IGNORE).float().mean()
        total = entropy + dice + self.config.weight * own
        return Losses(total, {name: value.detach() for name, value in parts.items()})
