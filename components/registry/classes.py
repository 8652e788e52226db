"""Single classes: a good mean may hide one that is lost.

Source: Clopper & Pearson 1934; for paired answers on the items on which the two models differ, as McNemar's test
(1947) takes them. Letters: n items of a class, m of them on which the models differ, K classes.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import betaincinv

from components.registry.comparison import Answers, right, whose
from components.registry.gate import Check, GateConfig, at_least, at_most, missing


def worst_class(per_class: Mapping[str, Mapping[str, float]] | None, floor: float) -> Check:
    """Recall of the worst class that has test items."""
    name = "classes"
    recalls = {label: row.get("recall") for label, row in (per_class or {}).items() if row.get("support", 1)}
    if not recalls:
        return missing(name, floor, "recall of each class")
    for label, recall in recalls.items():
        if recall is None or not np.isfinite(recall):
            return missing(name, floor, f"recall of {label}")
    worst = min(recalls, key=lambda label: recalls[label] or 0.0)
    return at_least(name, recalls[worst], floor, f"recall of the worst class ({worst})")


def least_fall(lost: int, gained: int, items: int, alpha: float) -> float:
    """Lower confidence limit (one-sided, level 1 - alpha) of the fall of a recall.

    Among the m = lost + gained items on which the models differ, the share lost has the Clopper-Pearson limit t, so
    the fall is at least (2 t - 1) m / n. 0 when m is 0; all m lost: t = alpha ** (1 / m).

    Args:
        lost: items on which only the champion is right. gained: only the challenger. items: n >= 1.
    """
    differ = lost + gained
    if not differ:
        return 0.0
    share = float(betaincinv(lost, gained + 1, alpha)) if lost else 0.0
    return (2 * share - 1) * differ / items


def class_drops(challenger: Answers | None, champion: Answers | None, config: GateConfig) -> Check:
    """The class whose recall fell the most for certain, against the champion on the common items.

    Each of the K classes is judged at level 1 - (1 - confidence) / K, so that by chance alone one or more of them
    is refused at most as often as `confidence` says.
    """
    name, bound = "class_drops", config.class_drop
    if challenger is None or champion is None:
        return missing(name, bound, whose(challenger))
    labels, ours, theirs = right(challenger, champion)
    if not labels:
        return missing(name, bound, "test items that both models have answered")
    names, of = np.unique(np.array(labels), return_inverse=True)
    counts, lost, gained = (
        np.bincount(of, weights, len(names)).astype(int) for weights in (None, theirs & ~ours, ours & ~theirs)
    )
    alpha = (1 - config.confidence) / len(names)
    falls = [least_fall(int(a), int(b), int(n), alpha) for a, b, n in zip(lost, gained, counts, strict=True)]
    k = int(np.argmax(falls))
    fell = (lost[k] - gained[k]) / counts[k]
    what = f"recall of {names[k]} {-fell:+.4f} against the champion on its {counts[k]} items, a fall for certain of"
    return at_most(name, falls[k], bound, what)
