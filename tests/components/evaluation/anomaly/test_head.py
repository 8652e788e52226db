"""The head on labelled anomalies: tails by hand, the share by a slow loop, and that it does no harm."""

import numpy as np
import pytest
from scipy.stats import norm

from components.evaluation.anomaly import head
from components.evaluation.anomaly.figures import average_precision
from components.evaluation.anomaly.head import Head, fit_head, normal_scores, tails


def data(seed=0, odd=40, count=1000):
    """Inputs whose first column tells anomalies, and tails of detectors that do not."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(count, 4))
    inputs[:odd, 0] += 3
    truth = np.arange(count) < odd
    return inputs, random.exponential(size=count), truth


def test_tails_by_hand():
    ordered = np.arange(1.0, 10.0)
    np.testing.assert_allclose(tails(ordered, np.array([0.0, 5.0])), [0, -np.log(1 - 4.5 / 10)])
    assert tails(ordered, np.array([9.5]))[0] > tails(ordered, np.array([9.0]))[0]


def test_normal_scores_are_those_of_the_ranks():
    ordered = np.sort(np.random.default_rng(0).normal(size=(9, 2)), axis=0)
    x = np.array([[ordered[4, 0], -100.0], [100.0, ordered[0, 1]]])
    wanted = [[norm.ppf(0.5), norm.ppf(0.05)], [norm.ppf(0.95), norm.ppf(0.1)]]
    np.testing.assert_allclose(normal_scores(ordered, x), wanted, atol=1e-12)


def test_labels_help_where_detectors_are_blind():
    inputs, without, _ = data()
    new, blind, odd = data(1)
    known = np.zeros(1000, bool)
    known[:6] = True
    found = fit_head(inputs, without, known)
    assert found.share > 0.5
    mixed = (1 - found.share) * blind + found.share * found.tails(new)
    assert average_precision(mixed, odd) > average_precision(blind, odd) + 0.4


def test_labels_do_no_harm_where_they_say_nothing():
    random = np.random.default_rng(0)
    inputs, truth = random.normal(size=(1000, 4)), np.arange(1000) < 40
    without = random.exponential(size=1000) + 8 * truth  # the detectors know already
    for seed in range(5):
        known = np.zeros(1000, bool)
        known[random.permutation(40)[:8]] = True
        found = fit_head(inputs, without, known, seed)
        mixed = (1 - found.share) * without + found.share * found.tails(inputs)
        assert average_precision(mixed[~known], truth[~known]) > 0.98


def test_the_share_by_a_slow_loop(monkeypatch):
    monkeypatch.setattr(head, "FOLDS", 3)
    inputs, without, _ = data(count=200)
    known = np.zeros(200, bool)
    known[[0, 1, 2]] = True
    found = fit_head(inputs, without, known, seed=4)
    random = np.random.default_rng(4)
    others = np.sort(random.permutation(np.flatnonzero(~known)))
    of, of_others = random.permutation(3) % 3, random.permutation(197) % 3
    likely = np.zeros(len(head.SHARES))
    for place, share in enumerate(head.SHARES):
        for one in range(3):
            use, beside = others[of_others != of[one]], others[of_others == of[one]]
            weight, bias = head._fit(inputs, np.flatnonzero(known)[np.arange(3) != one], use)
            scores = inputs @ weight + bias
            usual = np.sort(scores[beside])
            mixed = (1 - share) * without + share * np.array(
                [tails(usual, scores[k : k + 1])[0] for k in range(200)]
            )
            ordered = np.sort([mixed[row] for row in beside])
            likely[place] += tails(ordered, np.array([mixed[one]]))[0]
    weights = np.exp(likely) / np.exp(likely).sum()
    assert found.share == pytest.approx(weights @ np.array(head.SHARES), abs=1e-6)


def test_anomalies_and_others_count_the_same():
    inputs, _, _ = data()
    weight, bias = head._fit(inputs, np.arange(5), np.arange(40, 1000))
    p = 1 / (1 + np.exp(-(inputs @ weight + bias)))
    assert p[:5].mean() > 0.6  # one in two hundred would be near 0 otherwise
    assert Head(weight, bias, 0.5, np.arange(3.0)).tails(inputs).shape == (1000,)
