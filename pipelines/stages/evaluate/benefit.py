"""Is the method worth it? One line a model: better than, equal to or worse than the same encoder with the labels
alone, or undecided; and what else a person should be warned of.

With the labels alone there are two ways: all layers trained on, or a head on the frozen features, which is the better
one where labels are very few. The method is held against whichever is more often right on the test samples, so the
choice favours the rival. The comparison is paired, on these samples: better where the 95 % interval of the difference,
over test samples and training noise, lies above 0, worse where it lies below, equal where it lies within EQUAL of 0;
else the test samples do not decide it. Letters: K classes.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from components.config import Config
from components.errors import coded
from components.evaluation.classification.figures import Figure, figure_of
from components.evaluation.classification.kappa import kappa_interval
from components.evaluation.labels.confirmation_bias import Confirmation
from pipelines.registry.candidates import COMMITTEE, METHOD, TOLD, Portfolio

Word = Literal["better", "equal", "worse", "undecided"]
SAID = {"better": "better than", "equal": "equal to", "worse": "worse than", "undecided": "undecided against"}
EQUAL = 0.01  # a difference of accuracies that makes no difference
WITHOUT = "do without it: finetune.method: { name: supervised }"
GENTLER = "let the encoder change less: a smaller finetune.encoder_rate, fewer finetune.steps"
RIVALS = {"alone": "all layers trained", "probe": "a head on its frozen features"}  # with the labels alone


class Benefit(Config):
    """word, difference: of the model less the labels alone; None where it has learnt from these alone. rival: which of
    RIVALS that is. kappa: how far beyond chance (components.evaluation.classification.kappa). line: all that in a
    sentence. warnings: one sentence each, its code before it (components.errors.coded)."""

    method: str
    rival: str | None
    word: Word | None
    difference: Figure | None
    kappa: Figure
    line: str
    warnings: list[str]


def verdict(difference: Figure) -> Word:
    """(.01, .03): better; (-.01, .03): undecided; (-.01, .01): equal; (-.03, -.01): worse."""
    if difference.low > 0:
        return "better"
    if difference.high < 0:
        return "worse"
    return "equal" if max(-difference.low, difference.high) <= EQUAL else "undecided"


def measure_benefit(
    method: str,
    differences: Mapping[str, Figure],
    counts: NDArray[np.int64],
    confirmation: Confirmation | None,
    *,
    resamples: int,
    seed: int,
    portfolio: Portfolio | None = None,
) -> Benefit:
    """differences: of the model less each other answer; without "alone" it has learnt from the labels alone. counts:
    [K, K] of the model on the test samples. confirmation: of the method's cross-fitted trainings. portfolio: from
    which the model was chosen; the method is then a part of it, or none."""
    found = figure_of(kappa_interval(counts, resamples=resamples, seed=seed))
    telling = _one_class(counts) or _chance(found)
    without = _without(portfolio)
    warnings = [warning for warning in (telling, _confirming(confirmation, without)) if warning]
    if "alone" not in differences:
        line = f"{method}: learnt from the labels alone, so there is nothing to compare it with"
        return Benefit(
            method=method, rival=None, word=None, difference=None, kappa=found, line=line, warnings=warnings
        )
    rival = min((name for name in RIVALS if name in differences), key=lambda name: differences[name].value)
    difference = differences[rival]
    word = verdict(difference)
    line = f"{method}: {SAID[word]} the labels alone with the same encoder ({RIVALS[rival]}), {_points(difference)}"
    if word == "undecided":
        line += "; test samples with a label, or the same with other seeds, would narrow that"
    if word == "worse":
        line += f"; {without}" if rival == "alone" or without != WITHOUT else f"; {GENTLER}"
        line += ", and leave finetune.distill out" if method.endswith("distilled") else ""
    return Benefit(
        method=method,
        rival=rival,
        word=word,
        difference=difference,
        kappa=found,
        line=line,
        warnings=warnings,
    )


def _one_class(counts: NDArray[np.int64]) -> str | None:
    """Where the test samples cannot show whether classes are told apart."""
    if (counts.sum(axis=1) > 0).sum() > 1:
        return None
    total = int(counts.sum())
    have = "there is 1 test sample" if total == 1 else f"all {total} test samples are of one class"
    return coded(
        "one-class-tested",
        f"{have}, so the accuracy does not show whether the model tells classes apart; "
        "label test samples of at least two classes",
    )


def _chance(kappa: Figure) -> str | None:
    if kappa.low > 0:
        return None
    return coded(
        "model-at-chance",
        "the model is at chance: what it has right beyond dealing its answers out at random is "
        f"{kappa.value:.3f} of what there is (95 % interval {kappa.low:.3f} to {kappa.high:.3f}); "
        "check the labels, and whether the unlabelled samples are of the same kind",
    )


def _without(portfolio: Portfolio | None) -> str:
    """How a model that the method has harmed is served without it, or with less of it."""
    if portfolio is None or portfolio.served == METHOD:
        return WITHOUT
    if portfolio.served != COMMITTEE:
        return (
            f"the method has no part in it: {TOLD[portfolio.served]} is served, which led on held-out labels; more "
            "labels choose better, and finetune.portfolio: null serves the method's network"
        )
    part = next((row.weight for row in portfolio.rows if row.name == METHOD), 0.0)
    if part == 0.0:
        return "the method has no part in the mean that is served; more labels weigh its parts better"
    return (
        f"the method's network has {part:.0%} of the mean that is served: a smaller finetune.portfolio.favour gives it "
        "less, more labels weigh the parts better"
    )


def _confirming(seen: Confirmation | None, without: str) -> str | None:
    if seen is None or not seen.found:
        return None
    return coded(
        "confirmation-bias",
        f"pseudo-labels confirm their own errors: in cross-fitting the mean confidence rose from "
        f"{seen.confidence_before:.2f} to {seen.confidence_after:.2f}, and of the {seen.sure} surest held-out labels "
        f"the share right fell from {seen.right_before:.2f} to {seen.right_after:.2f} (by {seen.fall.value:.2f}, "
        f"95 % interval {seen.fall.low:.2f} to {seen.fall.high:.2f}; {seen.right_alone:.2f} with the labels alone); "
        f"raise finetune.method.threshold; {without}",
    )


def _points(difference: Figure) -> str:
    value, low, high = (100 * v for v in (difference.value, difference.low, difference.high))
    return (
        f"{value:+.1f} points (95 % interval over test samples and training noise {low:+.1f} to {high:+.1f})"
    )
