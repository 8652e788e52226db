"""Single classes: a good mean may hide one that is lost, or classes that are not told apart at all.

A class is lost where its recall is certainly below a share (`class_floor`) of the mean recall over the classes. The
mean recall of guessing is 1 / K whatever the shares of the classes, that of a perfect model 1, so the floor moves with
what the model reaches between chance and 1. A fixed floor refused healthy weak models of many classes, in which some
class of a handful of test samples has none right.

Source: Clopper & Pearson 1934; for paired answers on the items on which the two models differ, as McNemar's test
(1947) takes them. Letters: n items of a class, m of them on which the models differ, K classes.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import betaincinv

from components.registry.comparison import Answers, right, whose
from components.registry.gate import Check, GateConfig, at_least, at_most, judge, missing

Rows = Mapping[str, Mapping[str, float]]


def beyond_chance(kappa: Mapping[str, float | None] | None, per_class: Rows | None) -> Check:
    """Whether classes are told apart for certain: the lower limit of Cohen's kappa must lie above 0.

    Args:
        kappa: value, low and high of its interval (components.evaluation.classification.kappa).
        per_class: by class its support; with test samples of one class alone kappa is 0 whatever the model does.
    """
    name, bound = "chance", 0.0
    if sum(row.get("support", 0) > 0 for row in (per_class or {}).values()) == 1:
        return missing(name, bound, "kappa; the test samples are all of one class, label some of another")
    if kappa is None or None in kappa.values():
        return missing(name, bound, "kappa, what is right beyond chance")
    interval = f"interval {kappa['low']:.4f} to {kappa['high']:.4f}"
    what = f"right beyond chance, kappa, {kappa['value']:.4f}, {interval}: lower limit"
    return judge(name, kappa["low"], bound, what, ">", lambda low: low > bound)


def worst_class(per_class: Rows | None, config: GateConfig) -> Check:
    """The class whose recall is the least certain to reach the floor: its upper confidence limit against it.

    Each of the K classes with test samples has a limit of level 1 - (1 - confidence) / K (Bonferroni), so that a model
    of which every class reaches the floor is refused at most as often as `confidence` allows.

    Args:
        per_class: by class its recall (0 to 1) and support, the number of its test samples.
    """
    name, share = "classes", config.class_floor
    for label, row in (per_class or {}).items():
        for key in ("recall", "support"):
            if (value := row.get(key)) is None or not np.isfinite(value):
                return missing(name, share, f"{key} of {label}")
    judged = {label: row for label, row in (per_class or {}).items() if row["support"] > 0}
    if not judged:
        return missing(name, share, "recall of each class; no class has a test sample")
    alpha = (1 - config.confidence) / len(judged)
    limits = {
        label: recall_limits(round(row["recall"] * row["support"]), int(row["support"]), alpha)
        for label, row in judged.items()
    }
    mean = float(np.mean([row["recall"] for row in judged.values()]))
    worst = min(judged, key=lambda label: (limits[label][1], judged[label]["recall"]))
    recall, items, (low, high) = judged[worst]["recall"], int(judged[worst]["support"]), limits[worst]
    what = (
        f"recall of {worst} {recall:.4f} on its {counted(items)}, interval {low:.4f} to {high:.4f} "
        f"({config.confidence:.0%} for {len(judged)} classes together), floor {share:g} of the mean recall {mean:.4f}"
    )
    if unjudged := len(per_class or {}) - len(judged):
        what += f", {unjudged} {'class' if unjudged == 1 else 'classes'} without a test sample not judged"
    return at_least(name, high, share * mean, f"{what}: upper limit")


def counted(items: int) -> str:
    """1 test sample, 2 test samples."""
    return "1 test sample" if items == 1 else f"{items} test samples"


def recall_limits(right: int, items: int, alpha: float) -> tuple[float, float]:
    """Clopper-Pearson limits of a recall, each one-sided of level 1 - alpha; none of n right: 1 - alpha ** (1 / n)."""
    low = float(betaincinv(right, items - right + 1, alpha)) if right else 0.0
    high = float(betaincinv(right + 1, items - right, 1 - alpha)) if right < items else 1.0
    return low, high


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
    most = -least_fall(int(gained[k]), int(lost[k]), int(counts[k]), alpha)
    what = (
        f"recall of {names[k]} {-fell:+.4f} against the champion on its {counted(counts[k])}, a fall of "
        f"{falls[k]:.4f} to {most:.4f} ({config.confidence:.0%} for {len(names)} classes together): lower limit"
    )
    return at_most(name, falls[k], bound, what)
