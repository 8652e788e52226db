"""Do pseudo-labels confirm their own errors? Held-out labels get less often right while the network gets surer.

Three answers on labels that were held out of a training: before it, after it, and after an equal training on labels
alone, for a short training can harm by itself. A network that gets surer takes in harder samples, and among these more
are wrong: that alone is no harm either. So the labels of which it is sure afterwards are compared with as many of the
surest of the other two. Who is as sure and less often right than both has been led astray by his guesses.
Letters: h held-out labels, K classes.
"""

import numpy as np

from components.arrays import Bools, Doubles, Ints
from components.config import Config
from components.errors import UserError
from components.evaluation.classification.bootstrap import paired_difference
from components.evaluation.classification.figures import Figure

LEAST = 10  # sure labels under which nothing is said


class Confirmation(Config):
    """sure: held-out labels above the threshold afterwards. right_after: share right of these; right_before,
    right_alone: of as many of the surest before, and with the labels alone. fall, loss: these two less the first, with
    95 % intervals over the labels. confidence_before, confidence_after: means on unlabelled samples. found: whether
    fall and loss are certain and the confidence rose."""

    sure: int
    right_before: float
    right_alone: float
    right_after: float
    fall: Figure
    loss: Figure
    confidence_before: float
    confidence_after: float
    found: bool


def confirming(
    before: Doubles,
    alone: Doubles,
    after: Doubles,
    labels: Ints,
    confidence: tuple[float, float],
    *,
    threshold: float = 0.0,
    resamples: int = 2000,
    seed: int = 0,
) -> Confirmation | None:
    """None where fewer than 10 labels are sure afterwards.

    Args:
        before, alone, after: [h, K] probabilities; labels: [h]. confidence: on unlabelled samples, before and after.
        threshold: from which confidence on the method believes itself; 0: always.

    Raises:
        UserError: the shapes do not fit.
    """
    if not before.shape == alone.shape == after.shape or after.ndim != 2 or len(labels) != len(after):
        raise UserError(
            "array-invalid",
            f"three times probabilities [h, K] and h labels needed, got {before.shape}, {alone.shape}, {after.shape} "
            f"and {len(labels)} labels",
        )
    sure = int((after.max(axis=1) >= threshold).sum())
    if sure < LEAST:
        return None
    right = [surest(p, sure) & (p.argmax(axis=1) == labels) for p in (before, alone, after)]
    fall, loss = (_less(earlier, right[2], sure, resamples, seed) for earlier in right[:2])
    return Confirmation(
        sure=sure,
        right_before=float(right[0].sum() / sure),
        right_alone=float(right[1].sum() / sure),
        right_after=float(right[2].sum() / sure),
        fall=fall,
        loss=loss,
        confidence_before=confidence[0],
        confidence_after=confidence[1],
        found=fall.low > 0 and loss.low > 0 and confidence[1] > confidence[0],
    )


def surest(p: Doubles, count: int) -> Bools:
    """[h] whether a row of p [h, K] is among the `count` surest; equal ones in order."""
    chosen = np.zeros(len(p), dtype=bool)
    chosen[np.argsort(-p.max(axis=1), kind="stable")[:count]] = True
    return chosen


def _less(first: Bools, second: Bools, sure: int, resamples: int, seed: int) -> Figure:
    """Share right of the first less that of the second, each of `sure` labels, over resamples of all."""
    found = paired_difference(first, second, resamples=resamples, seed=seed)
    value, low, high = (v * len(first) / sure for v in (found.value, found.low, found.high))
    return Figure(value=value, low=low, high=high)
