import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from components.evaluation.classification.kappa import kappa, kappa_interval
from components.evaluation.classification.metrics import confusion


def test_known_values():
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert kappa(np.diag([3, 9, 1])) == pytest.approx(1)
    assert kappa(np.array([[0, 7], [7, 0]])) == pytest.approx(-1)
    assert kappa(np.array([[5, 0], [0, 0]])) == 0  # one class is all there is


def test_it_equals_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.choice(4, 300, p=[0.6, 0.3, 0.05, 0.05])
    answered = np.where(rng.random(300) < 0.5, labels, rng.integers(0, 4, 300))
    counts = confusion(labels, answered, 4)
    assert kappa(counts) == pytest.approx(cohen_kappa_score(labels, answered), abs=1e-12)
    assert kappa(np.stack([counts, counts.T])) == pytest.approx([float(kappa(counts))] * 2, abs=1e-12)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.99, 0.01)])
def test_one_class_always_and_classes_at_random_are_chance_however_unequal_the_classes(shares):
    rng = np.random.default_rng(1)
    labels = rng.choice(2, 2000, p=shares)
    always = kappa_interval(confusion(labels, np.zeros(2000, dtype=int), 2))
    assert (always.low, always.value, always.high) == (0, 0, 0)
    dealt = kappa_interval(confusion(labels, rng.permutation(labels), 2))
    assert dealt.low <= 0
    assert abs(dealt.value) < 0.05


def test_a_few_rare_ones_found_are_more_than_chance_though_accuracy_is_below_that_of_one_class():
    counts = np.array([[960, 30], [2, 8]])  # right .968; always the first class: .99
    assert kappa_interval(counts).low > 0.1
