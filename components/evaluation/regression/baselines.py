"""What plain features give with the same labels: the figures that a model for numbers must beat.

Each is tuned on the same labels: the strength of the ridge and the k of the nearest labels by leaving one out. Gradient
boosting of tables is components.modalities.table.boosting.
Letters: n labels, M samples in question, D features.
"""

from components.arrays import Doubles, Floats
from components.evaluation.regression.nearest import choose_k, nearest_mean
from components.evaluation.regression.ridge import fit_ridge


def on_features(
    own: Floats, targets: Doubles, asked: Floats, *, linear: tuple[Floats, Floats] | None = None
) -> dict[str, Doubles]:
    """ridge and knn: [M] predictions each.

    Args:
        own: [n, D]. targets: [n]. asked: [M, D].
        linear: what the ridge regression sees in place of own and asked, [n, E] and [M, E].
    """
    own_linear, asked_linear = linear or (own, asked)
    k, _ = choose_k(own, targets)
    return {
        "ridge": fit_ridge(own_linear, targets).predict(asked_linear),
        "knn": nearest_mean(own, targets, asked, k),
    }
