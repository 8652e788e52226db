"""Weights of models in their mean: closed forms, a peer, and what the prior does."""

import numpy as np
import pytest
from scipy.optimize import minimize

from components.evaluation.regression.stacking import stacked_numbers

RNG = np.random.default_rng(3)


def weights(held: np.ndarray, targets: np.ndarray, strength: float = 1.0) -> np.ndarray:
    return stacked_numbers(held, targets, np.full(len(held), 1 / len(held)), strength)


def test_two_models_of_equal_predictions_keep_the_prior() -> None:
    held = np.tile(RNG.normal(0, 1, 20), (2, 1))
    prior = np.array([0.3, 0.7])
    np.testing.assert_allclose(stacked_numbers(held, RNG.normal(0, 1, 20), prior, 5.0), prior, atol=1e-6)


def test_independent_errors_are_weighted_by_their_inverse_variance() -> None:
    targets = RNG.normal(0, 3, 20000)
    held = np.stack([targets + RNG.normal(0, 1, 20000), targets + RNG.normal(0, 2, 20000)])
    np.testing.assert_allclose(weights(held, targets, 0.01), [0.8, 0.2], atol=0.02)


def test_the_optimum_is_that_of_a_general_solver() -> None:
    targets = RNG.normal(0, 1, 40)
    held = np.stack([targets + RNG.normal(0, scale, 40) for scale in (0.5, 0.6, 2.0)])
    variance = ((held - targets) ** 2).mean(axis=1).min()

    def cost(w: np.ndarray) -> float:
        return float(((targets - w @ held) ** 2).sum() / (2 * variance) - 8 * np.log(w).mean())

    peer = minimize(
        cost, np.full(3, 1 / 3), method="SLSQP", bounds=[(1e-6, 1)] * 3, tol=1e-12,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )  # fmt: skip
    np.testing.assert_allclose(weights(held, targets, 8.0), peer.x, atol=1e-4)


def test_few_labels_choose_little_and_many_choose_all() -> None:
    def best(count: int) -> float:
        targets = np.random.default_rng(0).normal(0, 1, count)
        held = np.stack([targets + 0.2, targets + np.random.default_rng(1).normal(0, 1, count)])
        return float(weights(held, targets, 10.0)[0])

    assert 0.5 < best(2) < 0.8
    assert best(2) < best(20) < best(2000)
    assert best(2000) > 0.94


def test_a_perfect_model_and_wrong_shapes() -> None:
    targets = RNG.normal(0, 1, 30)
    found = weights(np.stack([targets, targets + 5]), targets)
    assert found.sum() == pytest.approx(1)
    assert found[0] > 0.999
    with pytest.raises(ValueError, match=r"\[C, n\], \[n\] and \[C\] needed"):
        stacked_numbers(np.zeros((2, 3)), np.zeros(4), np.full(2, 0.5), 1.0)
