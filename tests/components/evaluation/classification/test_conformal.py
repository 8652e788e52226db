"""Sets of classes: the thresholds by hand, the coverage in theory, and what few labels may and may not promise."""

import numpy as np
import pytest

from components.evaluation.classification.conformal import Sets, bound, coverage, fit_sets, scores

P = np.array([[0.6, 0.3, 0.1], [0.1, 0.7, 0.2]])


def drawn(count: int, seed: int, classes: int = 4, sharp: float = 1.0):
    """Labels drawn from softmax(logits), answered by softmax(sharp * logits): a model that is too sure, or right."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((count, classes))
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (truth.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)
    p = np.exp(sharp * logits) / np.exp(sharp * logits).sum(axis=1, keepdims=True)
    return p, labels


def test_scores_by_hand():
    np.testing.assert_allclose(scores(P), [[0.4, 0.7, 0.9], [0.9, 0.3, 0.8]])
    np.testing.assert_allclose(scores(P, "aps"), [[0.6, 0.9, 1.0], [1.0, 0.7, 0.9]])


def test_aps_equals_a_slow_sum():
    p, _ = drawn(50, 0)
    slow = [[sum(v for v in row if v >= own) for own in row] for row in p]
    np.testing.assert_allclose(scores(p, "aps"), slow, atol=1e-12)


def test_the_bound_is_the_finite_sample_quantile():
    own = np.arange(1.0, 10.0)
    assert bound(own, 0.1) == 9  # ceil(10 * .9) = 9 of 9
    assert bound(own[:8], 0.1) == np.inf
    assert bound(np.arange(1.0, 20.0), 0.1) == 18
    assert bound(np.arange(1.0, 101.0), 0.5) == 51  # ceil(101 / 2)
    assert bound(np.empty(0), 0.1) == np.inf


@pytest.mark.parametrize("score", ["lac", "aps"])
@pytest.mark.parametrize("sharp", [0.3, 1.0, 4.0])
def test_coverage_is_as_promised_whatever_the_model_is_worth(score, sharp):
    """Over 200 draws of 60 labels the mean coverage is between 1 - miss and 1 - miss + 1 / 61, but for the classes
    that are always in."""
    found = []
    for seed in range(200):
        p, labels = drawn(360, seed, sharp=sharp)
        kept = fit_sets(p[:60], labels[:60], miss=0.2, score=score)
        found.append(coverage(kept.of(p[60:]), labels[60:]).mean())
    assert np.mean(found) > 0.8 - 3 * np.std(found) / np.sqrt(200)
    if score == "lac" and sharp == 1.0:
        assert np.mean(found) < 0.8 + 1 / 61 + 0.02


def test_lac_is_smaller_than_aps_for_a_calibrated_model():
    p, labels = drawn(4000, 1)
    size = {
        s: fit_sets(p[:1000], labels[:1000], score=s).of(p[1000:]).sum(axis=1).mean() for s in ("lac", "aps")
    }
    assert 1 <= size["lac"] < size["aps"] < 4


def test_by_class_no_class_is_missed_more_often():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 4000)
    own = np.where(labels == 0, rng.uniform(0.4, 1.0, 4000), rng.uniform(0.0, 0.6, 4000))  # class 1 is hard
    p = np.stack([np.where(labels == 0, own, 1 - own), np.where(labels == 0, 1 - own, own)], axis=1)
    whole, each = (fit_sets(p[:2000], labels[:2000], by_class=c) for c in (False, True))
    covered = {c: coverage(k.of(p[2000:]), labels[2000:]) for c, k in ((False, whole), (True, each))}
    hard = labels[2000:] == 1
    assert covered[False][hard].mean() < 0.85
    assert covered[True][hard].mean() == pytest.approx(0.9, abs=0.03)
    assert covered[True][~hard].mean() >= 0.88


def test_too_few_labels_promise_every_class():
    p, labels = drawn(8, 3)
    kept = fit_sets(p, labels, miss=0.1)
    assert kept.thresholds == (1.0,) * 4
    assert kept.of(p).all()


def test_the_best_class_is_always_in_and_the_file_gives_the_same_sets():
    kept = Sets(score="lac", miss=0.5, thresholds=(0.1, 0.1, 0.1))
    np.testing.assert_array_equal(kept.of(P), [[True, False, False], [False, True, False]])
    assert Sets.model_validate_json(kept.model_dump_json()) == kept


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="as many labels needed"):
        fit_sets(P, np.array([0]))
