"""The label economy: subsets, the monotone curve beside scikit-learn's, its inverse by hand, and a planted saving."""

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression

from components.evaluation.classification.probe import fit_probe
from components.evaluation.labels.label_savings import (
    labels_for,
    monotone,
    nested,
    right_by_size,
    saving,
    sizes_of,
)


def test_every_beginning_has_the_classes_as_equally_as_it_goes():
    labels = np.repeat([0, 1, 2], [30, 10, 3])
    order = nested(labels, seed=1)
    assert sorted(order.tolist()) == list(range(43))
    for size in range(1, 10):
        counts = np.bincount(labels[order[:size]], minlength=3)
        assert counts.max() - counts.min() <= 1
    assert np.bincount(labels[order[:23]]).tolist() == [10, 10, 3]
    assert nested(labels, 1).tolist() == order.tolist() != nested(labels, 2).tolist()


def test_sizes_grow_by_a_factor_from_one_a_class_to_all():
    assert sizes_of(np.arange(100) % 10) == [10, 18, 32, 56, 100]
    assert sizes_of(np.array([0, 1])) == [2]
    assert sizes_of(np.arange(12) % 10) == [10, 11, 12]


def test_the_monotone_curve_is_scikit_learns():
    assert monotone(np.array([1.0, 3.0, 2.0])).tolist() == [1, 2.5, 2.5]
    for seed in range(20):
        values = np.random.default_rng(seed).standard_normal(9)
        np.testing.assert_allclose(monotone(values), isotonic_regression(values), atol=1e-12)


def test_the_curve_read_backwards_by_hand():
    curve = np.array([0.5, 0.7])
    assert labels_for(0.6, [10, 1000], curve) == pytest.approx(100)
    assert labels_for(0.7, [10, 1000], curve) == pytest.approx(1000)
    assert labels_for(0.4, [10, 1000], curve) == 10
    assert labels_for(0.71, [10, 1000], curve) == np.inf
    assert labels_for(0.7, [10, 100, 1000], np.array([0.5, 0.7, 0.7])) == pytest.approx(
        100
    )  # the first to reach it


def bernoulli(accuracy, draws, samples, seed):
    rng = np.random.default_rng(seed)
    return rng.random((draws, len(accuracy), samples)) < np.array(accuracy)[None, :, None]


def test_a_planted_saving_is_found_within_its_interval():
    """Ours reaches .7 with 100 labels, where supervised learning needs 1000."""
    sizes = [10, 100, 1000]
    ours, alone = (bernoulli(a, 5, 4000, s) for s, a in enumerate(([0.5, 0.7, 0.8], [0.3, 0.5, 0.7])))
    found = saving(ours, alone, sizes, resamples=200)
    assert found.labels == pytest.approx(100, rel=0.15)
    assert found.low <= 100 <= found.high
    assert 60 < found.low < found.labels < found.high < 180
    assert (found.needed, found.needed_high) == (np.inf, np.inf)
    back = saving(alone, ours, sizes, resamples=200)
    assert back.labels == np.inf  # what all of ours give is out of reach
    assert back.needed == pytest.approx(found.labels)


def test_the_same_for_both_saves_nothing():
    same = bernoulli([0.3, 0.5, 0.7], 3, 500, 0)
    found = saving(same, same, [10, 100, 1000], resamples=100)
    assert found.labels == found.needed == pytest.approx(1000)


def test_with_all_labels_the_head_is_the_probe_and_fewer_are_taken_from_them():
    rng = np.random.default_rng(0)
    labels, truth = np.arange(60) % 3, np.arange(300) % 3
    train, test = (rng.standard_normal((len(y), 8)) + 2 * np.eye(8)[y] for y in (labels, truth))
    probe = fit_probe(train, labels, 3, grid=(0.1,), folds=2)
    right = right_by_size(probe, train, labels, test, truth, sizes=[3, 15, 60], draws=4)
    assert right.shape == (4, 3, 300)
    np.testing.assert_array_equal(right[:, 2], np.tile(probe.logits(test).argmax(1) == truth, (4, 1)))
    mean = right.mean(axis=(0, 2))
    assert mean[0] + 0.02 < mean[1] < mean[2]
    assert (right[0, 0] != right[1, 0]).any()  # other draws, other labels
