"""The verdict on the figures of a look, and what each figure is of a live and of a dead representation.

The bounds are loose on purpose: a run is stopped by them (components.training.training_log), so they must hold
for every objective, small encoders and short runs. Where they come from: docs/log.md and test_collapse.py.
Letters: D feature size, K prototypes.
"""

import math
from dataclasses import dataclass

FLAT = 0.02  # spread below which features are one point: healthy ones lie between .2 and 1
POINT = 0.05  # the same of embeddings, which nothing but the loss spreads: healthy ones lie above .3
THIN = 1.5  # effective rank of centred features below which they vary along one line only
STUCK = 0.01  # share of ln K within which a clustering loss has learnt nothing
ALONE = 1.1  # prototypes in use (exp of the entropy) below which all samples have the same one
SAME = 1e-3  # nats between student and teacher below which they say the same of every sample
SILENT = 0.01  # nats that a teacher's answer tells, ln K less its entropy, below which it tells nothing: healthy .4 on
TINY, HUGE = 1e-4, 1e5  # root mean square of the features: weights that decayed away, or grow without bound

REMEDIES = (
    "try a smaller learning rate, a larger batch, weaker views (larger scale, less jitter) or, if the loss was "
    "low from the start, stronger ones; for SwAV epsilon .03, about 3 prototypes a class and a longer freeze"
)
ABSENT = "the features are not finite; try a smaller learning rate, clip 1.0 or precision float32"


@dataclass(frozen=True)
class Level:
    """What a figure comes to: healthy at best, collapsed at worst, or else also; None where there is no such value."""

    healthy: float | None
    collapsed: float | None
    also: float | None = None


def levels(dimensions: int) -> dict[str, Level]:
    """Of the figures of a look at features of D = `dimensions`: for a chart, and for a person."""
    return {
        "spread": Level(1.0, 0.0),
        "rank": Level(float(dimensions), 1.0),
        "centred_rank": Level(float(dimensions), 1.0),
        "lidar": Level(float(dimensions), 1.0),
        "decay": Level(1.0, None),
        "correlation": Level(0.0, 1.0),
        "alignment": Level(0.0, None),
        "uniformity": Level(-4 + 8 / dimensions, 0.0),
        "churn": Level(0.0, 1.0),
        "scale": Level(1.0, 0.0),
        "embedding_spread": Level(1.0, 0.0),
    }


def own_levels(outputs: int | None) -> dict[str, Level]:
    """Of what an objective says of itself; outputs: K, its prototypes or the teacher's classes, where known."""
    return {
        "prototype_perplexity": Level(float(outputs) if outputs else None, 1.0),
        "teacher_entropy": Level(None, 0.0, math.log(outputs) if outputs else None),
        "teacher_information": Level(None, 0.0),
        "divergence": Level(None, 0.0),
    }


def symptoms(
    figures: dict[str, float],
    *,
    loss: float,
    collapse_loss: float | None,
    objective: dict[str, float] | None = None,
) -> list[str]:
    """What is wrong, each with its figure and its bound; empty for a live run.

    Args:
        figures: of `diagnose`.
        loss: mean training loss since the last check.
        collapse_loss: what the loss is when nothing is told apart (ln K for a clustering objective), None
            if unknown.
        objective: what the objective says of itself.
    """
    if not all(math.isfinite(value) for value in figures.values()):
        return [ABSENT]
    found = []
    if not TINY < figures.get("scale", 1.0) < HUGE:
        found.append(
            f"the features' size is {figures['scale']:.2g}, alive between {TINY} and {HUGE:.0e}: "
            f"weights decayed away, or they grow without bound"
        )
    if figures["spread"] < FLAT:
        found.append(f"all features are nearly equal: spread {figures['spread']:.2g}, alive above {FLAT}")
    elif figures["centred_rank"] < THIN:
        found.append(f"features vary along one line: rank {figures['centred_rank']:.2f}, alive above {THIN}")
    if collapse_loss and abs(loss - collapse_loss) < STUCK * collapse_loss:
        found.append(
            f"the loss {loss:.4f} stays at {collapse_loss:.4f}, its value when nothing is told apart"
        )
    if (spread := figures.get("embedding_spread", 1.0)) < POINT:
        found.append(f"all embeddings are nearly equal: spread {spread:.2g}, alive above {POINT}")
    return found + _of_itself(objective or {})


def _of_itself(figures: dict[str, float]) -> list[str]:
    """Symptoms among an objective's own figures."""
    found = []
    used = figures.get("prototype_perplexity")
    if used is not None and used < ALONE:
        found.append(f"all samples go to one prototype: {used:.2f} are in use, alive above {ALONE}")
    entropy, apart = figures.get("teacher_entropy"), figures.get("divergence")
    if entropy is not None and apart is not None and apart < SAME and entropy < STUCK:
        found.append(f"teacher and student give every sample the same answer: entropy {entropy:.2g}")
    if (told := figures.get("teacher_information", 1.0)) < SILENT:
        found.append(f"the teacher's answers are uniform: they tell {told:.2g} nats, alive above {SILENT}")
    return found
