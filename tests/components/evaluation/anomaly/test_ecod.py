"""ECOD: the values of PyOD 3.6.7, and a slow loop."""

import numpy as np
import pytest

from components.errors import UserError
from components.evaluation.anomaly.ecod import fit_ecod

X = np.array([[1, 2.5], [-1, 0.5], [0.3, -2], [2, 2], [0, 0], [9, -7], [0.5, 0.5], [0.5, 1.0]])
QUERIES = np.array([[0.4, 0.6], [12, -8], [-3, 0]])
OWN = [3.06027079, 2.54944517, 2.36712361, 2.77258872, 2.36712361, 4.15888308, 0.94000726, 1.45083288]
NEW = [
    1.6218604324326575,
    4.394449154672439,
    3.0081547935525483,
]  # each with the training samples, as PyOD does it


def test_the_scores_are_those_of_pyod():
    np.testing.assert_allclose(fit_ecod(X).own_scores(X), OWN, atol=1e-8)
    np.testing.assert_allclose(fit_ecod(X).scores(QUERIES), NEW, atol=1e-12)


def test_a_slow_loop():
    random = np.random.default_rng(0)
    x, queries = random.integers(0, 5, (40, 3)).astype(float), random.integers(-1, 7, (10, 3)).astype(float)
    for query, found in zip(queries, fit_ecod(x).scores(queries), strict=True):
        with_it = np.concatenate([x, query[None]])
        total = 0.0
        for column in range(3):
            left = np.mean(with_it[:, column] <= query[column])
            right = np.mean(with_it[:, column] >= query[column])
            total += max(-np.log(left), -np.log(right))
        assert found == pytest.approx(total)


def test_columns_add_up_to_the_score():
    each = fit_ecod(X).by_column(QUERIES)
    np.testing.assert_allclose(each.sum(axis=1), NEW, atol=1e-12)
    assert each[1, 0] == pytest.approx(np.log(9))  # above all 8 of its column: one of nine


def test_monotone_changes_of_a_column_do_not_matter():
    np.testing.assert_allclose(fit_ecod(np.exp(X)).scores(np.exp(QUERIES)), fit_ecod(X).scores(QUERIES))


def test_what_it_cannot_be_fitted_on():
    with pytest.raises(UserError, match="ECOD needs finite values; fill missing ones first"):
        fit_ecod(np.array([[1.0], [np.inf]]))
