"""The simple models of the field on the same labels: gradient boosting, logistic regression, nearest neighbours.

Each is tuned on the labels it is fitted on, by cross-validated log-likelihood over a small grid, so that a figure that
beats it beats what a practitioner would have got.
Letters: N labelled rows, M rows in question, F packed features, K classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from components.arrays import Doubles, Floats, Ints
from components.errors import UserError
from components.modalities.table.config import TablePacking
from components.modalities.table.plain import codes_of, plain

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
NEIGHBOURS = (1, 3, 5, 10, 20, 50)
BOOSTINGS = tuple({"learning_rate": 0.05, "min_samples_leaf": leaf} for leaf in (3, 10, 20))
ROUNDS = (25, 50, 100)  # of which the best is chosen for each of these
MANY = 5_000  # labels from which boosting is not tuned: scikit-learn's own values with early stopping are good then
LEAST = 1e-6  # probability below which a wrong answer costs no more


@dataclass(frozen=True)
class Fitted:
    """A baseline. estimator: of scikit-learn. options: those that were chosen. likelihood: mean log-likelihood in
    cross-validation, nats; NaN where nothing was chosen. classes: [k] int64, those that it was fitted on."""

    estimator: Any
    options: dict[str, Any]
    likelihood: float
    classes: Ints
    total: int
    features: Callable[[Floats], Floats]

    def probabilities(self, rows: Floats) -> Doubles:
        """[M, F] packed rows -> [M, K] class probabilities."""
        return _spread(self.estimator.predict_proba(self.features(rows)), self.classes, self.total)


def fit_boosting(rows: Floats, labels: Ints, classes: int, packing: TablePacking, seed: int = 0) -> Fitted:
    """Histogram gradient boosting on packed rows, categories as such and missing values where they are.

    Args:
        rows: [N, F] packed. labels: [N] in 0..K-1. classes: K.

    Raises:
        UserError: fewer than two classes among the labels.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier as Boosting  # here: 1 s
    from threadpoolctl import threadpool_limits

    places = [place for place in packing.categorical if packing.features[place].size <= 250] or None

    def build(options: dict[str, Any]) -> Any:
        return Boosting(categorical_features=places, random_state=seed, **options)

    many = len(labels) >= MANY
    grid: Sequence[dict[str, Any]] = [{"early_stopping": True, "max_iter": 300}] if many else BOOSTINGS
    with threadpool_limits(1, user_api="openmp"):  # a forked process has none of its parent's threads
        return _tuned(build, grid, rows, labels, classes, lambda packed: packed, () if many else ROUNDS)


def fit_logistic(rows: Floats, labels: Ints, classes: int, packing: TablePacking) -> Fitted:
    """Logistic regression on normal scores, marks of missing values and one-hot categories. Arguments and errors as
    those of fit_boosting."""
    from sklearn.linear_model import LogisticRegression  # here: 1 s

    def build(options: dict[str, Any]) -> Any:
        return LogisticRegression(max_iter=1000, **options)

    grid = [{"C": strength} for strength in STRENGTHS]
    return _tuned(build, grid, rows, labels, classes, plain_rows(packing))


def fit_neighbours(rows: Floats, labels: Ints, classes: int, packing: TablePacking) -> Fitted:
    """k nearest neighbours by Euclidean distance of the same features. Arguments and errors as those of
    fit_boosting."""
    from sklearn.neighbors import KNeighborsClassifier  # here: 1 s

    def build(options: dict[str, Any]) -> Any:
        return KNeighborsClassifier(weights="distance", **options)

    largest = max(1, len(labels) * 4 // 5 - 1)
    grid = [{"n_neighbors": k} for k in NEIGHBOURS if k <= largest]
    return _tuned(build, grid, rows, labels, classes, plain_rows(packing))


def plain_rows(packing: TablePacking) -> Callable[[Floats], Floats]:
    """Packed rows [M, F] -> [M, D] plain features (see plain.py)."""
    numeric, categorical, sizes = packing.numeric, packing.categorical, packing.sizes
    grid, limits = torch.from_numpy(packing.grid), torch.tensor(sizes, dtype=torch.int64)

    def features(rows: Floats) -> Floats:
        values = torch.from_numpy(np.asarray(rows, dtype=np.float32))
        found = plain(values[:, numeric], codes_of(values[:, categorical], limits), grid, sizes)
        return np.asarray(found.numpy())

    return features


def folds_of(labels: Ints, count: int, seed: int = 0) -> Ints:
    """[N] the fold of each label, 0..count-1: each class spread evenly, in random order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    fold = np.empty(len(labels), dtype=np.int64)
    shift = 0
    for label in np.unique(labels):
        own = order[labels[order] == label]
        fold[own] = (np.arange(len(own)) + shift) % count
        shift += len(own)
    return fold


def _tuned(
    build: Callable[[dict[str, Any]], Any],
    grid: Sequence[dict[str, Any]],
    rows: Floats,
    labels: Ints,
    classes: int,
    features: Callable[[Floats], Floats],
    rounds: Sequence[int] = (),
) -> Fitted:
    """rounds: values of max_iter that are tried with each of the grid, all read off one fit."""
    present = np.unique(labels)
    if len(present) < 2:
        raise UserError(
            "labels-too-few",
            f"labels of 2 classes or more are required, got {len(present)}; label more samples",
        )
    x, best, likelihood = features(rows), grid[0], np.nan
    if len(grid) > 1:
        fold = folds_of(labels, min(5, len(labels)))
        found = [
            (each, {**options, "max_iter": count} if count else options)
            for options in grid
            for each, count in _likelihoods(build, options, rounds, x, labels, classes, fold)
        ]
        likelihood, best = max(found, key=lambda one: one[0])
    return Fitted(build(best).fit(x, labels), best, likelihood, present, classes, features)


def _likelihoods(
    build: Callable[[dict[str, Any]], Any],
    options: dict[str, Any],
    rounds: Sequence[int],
    x: Floats,
    labels: Ints,
    classes: int,
    fold: Ints,
) -> list[tuple[float, int]]:
    """Mean log-likelihood of the labels, each predicted by a model of the other folds, after each number of rounds; one
    with 0 for a model that has none."""
    stages = rounds or (0,)
    each = np.full((len(stages), len(labels)), np.log(1 / classes))
    for number in np.unique(fold):
        out = fold == number
        known = np.unique(labels[~out])
        if len(known) < 2:
            continue
        longest = {**options, "max_iter": max(rounds)} if rounds else options
        model = build(longest).fit(x[~out], labels[~out])
        found = list(model.staged_predict_proba(x[out])) if rounds else [model.predict_proba(x[out])]
        for place, count in enumerate(stages):
            p = _spread(found[min(count, len(found)) - 1], known, classes)
            each[place, out] = np.log(np.maximum(p[np.arange(out.sum()), labels[out]], LEAST))
    return [(float(likelihood), count) for likelihood, count in zip(each.mean(axis=1), stages, strict=True)]


def _spread(p: Any, present: Ints, classes: int) -> Doubles:
    whole = np.zeros((len(p), classes))
    whole[:, present] = p
    return whole
