import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from components.evaluation.classification.stacking import stacked


def answers(*right):
    """[C, n, 2] probabilities of two classes, of which 0 is the true one."""
    p = np.array(right, dtype=float)
    return np.stack([p, 1 - p], axis=2)


def test_without_a_prior_the_better_of_two_takes_all_and_with_a_strong_one_nobody_does():
    held, labels, equal = answers([0.8] * 10, [0.2] * 10), np.zeros(10, dtype=np.int64), np.array([0.5, 0.5])
    assert stacked(held, labels, equal, 0.0) == pytest.approx([1, 0], abs=1e-4)
    assert stacked(held, labels, equal, 1e7) == pytest.approx([0.5, 0.5], abs=1e-4)


def test_the_weights_are_those_that_maximise_likelihood_and_prior():
    rng = np.random.default_rng(0)
    held, labels = answers(rng.uniform(0.3, 0.9, 40), rng.uniform(0.1, 1.0, 40)), np.zeros(40, dtype=np.int64)
    prior, strength = np.array([0.7, 0.3]), 8.0

    def loss(w):
        mean = w * held[0, :, 0] + (1 - w) * held[1, :, 0]
        return -np.log(mean).sum() - strength * (prior[0] * np.log(w) + prior[1] * np.log(1 - w))

    best = minimize_scalar(loss, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-10}).x
    assert stacked(held, labels, prior, strength) == pytest.approx([best, 1 - best], abs=1e-5)


def test_two_that_are_right_in_turn_share_and_order_does_not_matter():
    held, labels = answers([0.9, 0.1] * 20, [0.1, 0.9] * 20), np.zeros(40, dtype=np.int64)
    assert stacked(held, labels, np.array([0.5, 0.5]), 0.0) == pytest.approx([0.5, 0.5], abs=1e-6)
    three = np.concatenate([held, answers([0.5] * 40)])
    prior = np.array([0.2, 0.3, 0.5])
    found, order = stacked(three, labels, prior, 5.0), [2, 0, 1]
    assert stacked(three[order], labels, prior[order], 5.0) == pytest.approx(found[order], abs=1e-6)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\[C, n, K\]"):
        stacked(np.zeros((2, 5, 3)), np.zeros(4, dtype=np.int64), np.array([0.5, 0.5]), 1.0)
