import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import ThreadpoolController

from components.evaluation.classification.folds import possible_folds, stratified_folds
from components.evaluation.classification.logistic import SMALL, _threads, fit_logistic
from components.evaluation.classification.probe import choose_strength, fit_probe, moments


def blobs(rows=60, dim=6, classes=3, seed=0, spread=1.5):
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    return rng.normal(size=(classes, dim))[labels] * spread + rng.normal(size=(rows, dim)), labels


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("strength", [0.01, 1.0, 30.0])
def test_logistic_equals_scikit_learn(strength, weighted):
    x, y = blobs()
    weights = np.random.default_rng(1).uniform(0.1, 2, len(y)) if weighted else None
    ours = fit_logistic(x, y, 3, strength=strength, weights=weights)
    peer = LogisticRegression(C=strength, max_iter=5000, tol=1e-10).fit(x, y, sample_weight=weights)
    np.testing.assert_allclose(ours.weight, peer.coef_, atol=5e-4)
    np.testing.assert_allclose(
        ours.bias - ours.bias.mean(), peer.intercept_ - peer.intercept_.mean(), atol=5e-4
    )


def test_more_features_than_samples_equals_scikit_learn_too():
    x, y = blobs(20, dim=50)
    start = fit_logistic(x, y, 3, strength=0.01)
    peer = LogisticRegression(C=0.3, max_iter=5000, tol=1e-10).fit(x, y)
    for ours in (fit_logistic(x, y, 3, strength=0.3), fit_logistic(x, y, 3, strength=0.3, start=start)):
        np.testing.assert_allclose(ours.weight, peer.coef_, atol=5e-4)
        np.testing.assert_allclose(ours.bias, peer.intercept_ - peer.intercept_.mean(), atol=5e-4)


def test_a_weight_of_two_counts_as_the_sample_twice():
    x, y = blobs(12)
    weighted = fit_logistic(x, y, 3, strength=1.0, weights=np.r_[2.0, np.ones(11)])
    doubled = fit_logistic(np.r_[x[:1], x], np.r_[y[:1], y], 3, strength=1.0)
    np.testing.assert_allclose(weighted.weight, doubled.weight, atol=1e-5)


def test_the_start_changes_nothing_but_speed():
    x, y = blobs()
    other = fit_logistic(x, y, 3, strength=0.01)
    cold, warm = (fit_logistic(x, y, 3, strength=1.0, start=s) for s in (None, other))
    np.testing.assert_allclose(cold.weight, warm.weight, atol=1e-4)


def test_small_fits_run_on_one_thread_and_leave_the_pools_as_they_were():
    def count():
        return {pool["num_threads"] for pool in ThreadpoolController().info() if pool["user_api"] == "blas"}

    with ThreadpoolController().limit(limits=2, user_api="blas"):
        with _threads(SMALL - 1):
            assert count() == {1}
        assert count() == {2}
        with _threads(SMALL):
            assert count() == {2}


def test_a_class_without_a_label_is_never_predicted():
    x, y = blobs()
    linear = fit_logistic(x[y != 1], y[y != 1], 3, strength=1.0)
    assert set(linear.logits(x).argmax(1)) == {0, 2}
    np.testing.assert_allclose(linear.weight[1], 0)


def test_folds_are_a_partition_with_every_class_spread_evenly():
    labels = np.repeat(np.arange(4), [10, 7, 3, 1])
    fold = stratified_folds(labels, 5, seed=3)
    for k in range(4):
        sizes = np.bincount(fold[labels == k], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    sizes = np.bincount(fold, minlength=5)
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(fold, stratified_folds(labels, 5, seed=3))
    assert (fold != stratified_folds(labels, 5, seed=4)).any()


@pytest.mark.parametrize(("labels", "folds"), [([0, 1, 2], 0), ([0, 0, 1], 2), ([0] * 9, 5), ([], 0)])
def test_possible_folds(labels, folds):
    assert possible_folds(np.array(labels, dtype=int), 5) == folds


def test_strength_is_chosen_on_labels_that_the_model_did_not_see():
    """With more features than labels and random classes, the training fit is perfect and the honest one is
    chance."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 200)), np.arange(60) % 2
    choice = choose_strength(x, y, 2, repeats=1)
    assert choice.accuracy is not None
    assert choice.accuracy < 0.75
    assert choice.logits.shape == (60, 2)


def test_strength_follows_the_evidence():
    """Few labels and noise features: a tight penalty wins. Many clean labels: a loose one does."""
    x, y = blobs(24, dim=120, spread=0.25)
    assert choose_strength(x, y, 3).strength < 1.0
    x, y = blobs(300, dim=2, spread=3.0)
    grid = (1e-6, 1.0)
    assert choose_strength(x, y, 3, grid=grid).strength == 1.0


def test_one_label_a_class_is_enough_for_a_probe():
    x, y = blobs(3, spread=5.0)
    probe = fit_probe(x, y, 3)
    assert probe.choice.accuracy is None
    assert (probe.logits(x).argmax(1) == y).all()


def test_probe_uses_the_pool_for_standardising_and_raw_is_the_same_function():
    x, y = blobs()
    pool = np.r_[x, blobs(seed=5)[0] * 3 + 7]
    probe = fit_probe(x, y, 3, pool=pool)
    np.testing.assert_allclose(probe.mean, pool.mean(0))
    np.testing.assert_allclose(probe.scale, pool.std(0))
    np.testing.assert_allclose(probe.raw().logits(x), probe.logits(x), atol=1e-8)


def test_a_constant_feature_does_not_divide_by_zero():
    mean, scale = moments(np.ones((4, 2)))
    np.testing.assert_array_equal(mean, 1)
    np.testing.assert_array_equal(scale, 1)


def test_refuses_features_that_are_not_finite():
    with pytest.raises(ValueError, match="finite"):
        fit_logistic(np.full((2, 2), np.nan), np.array([0, 1]), 2, strength=1.0)
