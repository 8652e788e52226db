"""Which objective suits this data? Short runs of several, the worse ones stopped early, ranked without labels
and, where there are some, with them.

Sources: successive halving, Jamieson & Talwalkar 2016 (arXiv:1502.07943), in its asynchronous form (ASHA), Li
et al. 2018 (arXiv:1810.05934), as Ray Tune has it; LiDAR as the figure that compares across objectives,
Thilak et al. 2023 (arXiv:2312.04000); LeJEPA's loss as another, Balestriero & LeCun 2025 (arXiv:2511.08544); tau-b,
Kendall 1945 (doi:10.1093/biomet/33.3.239).
Letters: n runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

FACTOR = 3  # of a rung's runs, one in three goes on, three times as long
DEAD = -1e9  # score of a run that collapsed


@dataclass(frozen=True)
class Outcome:
    """One run as far as it came. score: without labels. accuracy: cross-validated on the labels, None where
    there are too few. early: both after the first rung. lejepa: LeJEPA's loss of its features then, None where
    it is not known. dead: why it was stopped, if it collapsed or could not begin."""

    name: str
    epochs: int
    score: float
    accuracy: float | None
    early: tuple[float, float | None]
    figures: dict[str, float]
    dead: str | None = None
    lejepa: float | None = None


@dataclass(frozen=True)
class Choice:
    """ranking: best first. tau: how well the order without labels agrees with that with them after the first
    rung, which all live runs reached, -1 to 1; None where there is no order to compare with. by: what the
    ranking goes by."""

    ranking: list[Outcome]
    tau: float | None
    by: str
    lejepa_tau: float | None = None


def score(figures: dict[str, float]) -> float:
    """Without labels: log(LiDAR) - |alpha - 1|, in nats.

    LiDAR counts the directions that tell samples apart in units of what the views change, so that it
    compares across objectives, which RankMe (it counts noise as well) is not made for. alpha-ReQ says whether
    those directions are used as they are in good representations (near 1). 32 directions at alpha 1 give ln 32.
    """
    return math.log(max(1.0, figures["lidar"])) - abs(figures["decay"] - 1.0)


def rungs(budget: int, factor: int = FACTOR) -> list[int]:
    """Epochs at which runs are compared, the last one the budget: 9 gives 1, 3, 9; 10 gives 1, 3, 10.

    The first is the budget divided by the largest power of the factor that it holds, two at most.
    """
    levels = min(2, int(math.log(budget, factor) + 1e-9)) if budget > 1 else 0
    first = budget // factor**levels
    return [*(first * factor**level for level in range(levels)), budget]


def kendall(first: Sequence[float], second: Sequence[float]) -> float | None:
    """tau-b of two figures of the same n things: 1 same order, -1 reversed; None where one figure is all equal."""
    agree = ties_first = ties_second = pairs = 0
    for i in range(len(first)):
        for j in range(i):
            a, b = first[i] - first[j], second[i] - second[j]
            pairs += 1
            ties_first += a == 0
            ties_second += b == 0
            agree += (a * b > 0) - (a * b < 0)
    size = math.sqrt((pairs - ties_first) * (pairs - ties_second))
    return agree / size if size else None


def ranked(outcomes: Sequence[Outcome]) -> Choice:
    """Longest runs first (they were the best where they were compared), then by accuracy, where all live runs
    have one, else by score; the dead last."""
    live = [o for o in outcomes if o.dead is None]
    labelled = bool(live) and all(o.accuracy is not None for o in live)

    def key(o: Outcome) -> tuple[bool, int, float, float]:
        return (o.dead is not None, -o.epochs, -(o.accuracy or 0.0) if labelled else 0.0, -o.score)

    compared = live if labelled else []
    right = [o.early[1] or 0.0 for o in compared]
    tau = kendall([o.early[0] for o in compared], right)
    losses = [-o.lejepa for o in compared if o.lejepa is not None]
    lejepa_tau = kendall(losses, right) if len(losses) == len(compared) else None
    by = "accuracy on the labels, cross-validated" if labelled else "log LiDAR - |alpha - 1|, without labels"
    return Choice(sorted(outcomes, key=key), tau, by, lejepa_tau)
