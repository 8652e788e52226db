"""A challenger beside other models: baselines with the same labels, and the champion on the same test items.

Where a label was corrected since the champion was evaluated, the challenger's evaluation has the newer one, and it
counts for both. Letters: M test items.
"""

import math
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from components.evaluation.classification.bootstrap import paired_difference
from components.evaluation.classification.training_noise import widened
from components.registry.gate import Check, GateConfig, at_least, at_most, judge, missing

Answers = Mapping[str, tuple[str, str]]  # test item -> its label, the class that was answered


def beats_baselines(
    accuracy: float | None,
    baselines: Mapping[str, float | None] | None,
    margin: float = 0.0,
    made_of: Collection[str] = (),
) -> Check:
    """The best baseline must be beaten, not only reached; where that would take an accuracy above 1, 1 is enough.

    Args:
        made_of: baselines that are part of the model itself, which is not compared with them.
    """
    name = "baselines"
    others = {key: value for key, value in (baselines or {}).items() if key not in made_of}
    lost = [key for key, value in others.items() if value is None or not math.isfinite(value)]
    if not others or lost:
        none = "any baseline that is not part of the model" if baselines else "any baseline"
        return missing(name, 1.0, ", ".join(lost) or none)
    known = {key: value for key, value in others.items() if value is not None}
    best = max(known, key=lambda key: known[key])
    bound, what = min(1.0, known[best] + margin), f"accuracy against {best}"
    if bound == 1.0:
        return at_least(name, accuracy, bound, what)
    return judge(name, accuracy, bound, what, ">", lambda f: f > bound)


def right(challenger: Answers, champion: Answers) -> tuple[list[str], NDArray[np.bool_], NDArray[np.bool_]]:
    """Of the items that both have answered, sorted: their labels [M], and who was right, each [M]."""
    common = sorted(challenger.keys() & champion.keys())
    labels = [challenger[item][0] for item in common]
    both = (challenger, champion)
    ours, theirs = (
        np.array([answers[item][1] == label for item, label in zip(common, labels, strict=True)], dtype=bool)
        for answers in both
    )
    return labels, ours, theirs


def beats_champion(
    challenger: Answers | None,
    champion: Answers | None,
    config: GateConfig,
    noise: float | None = None,
    seed: int = 0,
) -> Check:
    """Lower confidence bound of the difference of the accuracies: paired bootstrap of the common items.

    The bound is of these two networks, one of which will serve, so it is over test samples alone. Whether the next
    training would come out alike is reported beside it, by the interval that includes training noise.

    Args:
        noise: standard deviation of a model's accuracy between trainings; None where it is unknown.
    """
    name, bound = "champion", -config.tolerance
    if challenger is None or champion is None:
        return missing(name, bound, whose(challenger))
    _, ours, theirs = right(challenger, champion)
    if len(ours) < config.minimum_items:
        why = f"{config.minimum_items} common test items needed, got {len(ours)}"
        return Check(name=name, figure=None, bound=bound, passed=False, why=why)
    two_sided = 2 * config.confidence - 1
    found = paired_difference(ours, theirs, resamples=config.resamples, level=two_sided, seed=seed)
    what = f"accuracy {found.value:+.4f} against the champion on {len(ours)} common items"
    if noise is not None:
        wide = widened(found, math.sqrt(2) * noise, level=two_sided)
        level = f"{two_sided:.0%} interval over test samples and training noise"
        what += f" ({level} {wide.low:+.4f} to {wide.high:+.4f})"
    what += ", lower bound over test samples"
    return at_least(name, found.low, bound, what)


def forgetting(challenger: Answers | None, champion: Answers | None, bound: float) -> Check:
    """Fall of the accuracy on the champion's test items. An item that the challenger was not asked counts as wrong:
    else a test set could be thinned out until nothing is forgotten."""
    name = "forgetting"
    if challenger is None or not champion:
        return missing(name, bound, whose(challenger))
    _, ours, theirs = right(challenger, champion)
    unasked = [item for item in champion if item not in challenger]
    lost = sum(label == answer for label, answer in (champion[item] for item in unasked))
    fall = (int(theirs.sum()) + lost - int(ours.sum())) / len(champion)
    what = f"fall of the accuracy on the champion's {len(champion)} test items"
    return at_most(name, fall, bound, f"{what}, {len(unasked)} of them not answered," if unasked else what)


def whose(challenger: Answers | None) -> str:
    """What is missing for a comparison."""
    who = "challenger" if challenger is None else "champion"
    return f"the {who}'s answers on the test items"
