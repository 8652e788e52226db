"""Histogram gradient boosting of numbers on packed rows: categories as such, missing values where they are.

Tuned on the labels that it is fitted on, by cross-validated squared error over a small grid.
Letters: n labelled rows, F packed features.
"""

from typing import Any

import numpy as np

from components.arrays import Doubles, Floats
from components.errors import UserError
from components.modalities.table.config import TablePacking

LEAVES = (3, 10, 20)  # fewest samples of a leaf
ROUNDS = (25, 50, 100, 200)
RATE, FOLDS = 0.05, 5
MANY = 5_000  # labels from which it is not tuned: scikit-learn's own values with early stopping are good then
CATEGORIES = 250  # more than those, a feature is taken as a number


def fit_boosting_regressor(rows: Floats, targets: Doubles, packing: TablePacking, seed: int = 0) -> Any:
    """A fitted HistGradientBoostingRegressor of scikit-learn.

    Args:
        rows: [n, F] packed. targets: [n].

    Raises:
        UserError: fewer than two labels.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor as Boosting  # here: 1 s
    from threadpoolctl import threadpool_limits

    if len(targets) < 2:
        raise UserError(
            "labels-too-few", f"2 labels or more are required, got {len(targets)}; label more samples"
        )
    places = [place for place in packing.categorical if packing.features[place].size <= CATEGORIES] or None
    fixed: dict[str, Any] = {"categorical_features": places, "random_state": seed}
    with threadpool_limits(1, user_api="openmp"):  # a forked process has none of its parent's threads
        if len(targets) >= MANY:
            return Boosting(early_stopping=True, max_iter=300, **fixed).fit(rows, targets)
        fold = np.random.default_rng(seed).permutation(len(targets)) % min(FOLDS, len(targets))
        errors: dict[tuple[int, int], float] = {}
        for leaf in LEAVES:
            squared = np.zeros(len(ROUNDS))
            for number in range(int(fold.max()) + 1):
                out = fold == number
                model = Boosting(learning_rate=RATE, min_samples_leaf=leaf, max_iter=max(ROUNDS), **fixed)
                model.fit(rows[~out], targets[~out])
                stages = list(model.staged_predict(rows[out]))
                squared += [
                    ((stages[min(count, len(stages)) - 1] - targets[out]) ** 2).sum() for count in ROUNDS
                ]
            errors |= {(leaf, count): error for count, error in zip(ROUNDS, squared, strict=True)}
        leaf, count = min(errors, key=lambda one: errors[one])
        best = Boosting(learning_rate=RATE, min_samples_leaf=leaf, max_iter=count, **fixed)
        return best.fit(rows, targets)
