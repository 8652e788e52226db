"""Detectors on several kinds of features as one score."""

import numpy as np
import pytest

from components.errors import UserError
from components.evaluation.anomaly.combine import ranks
from components.evaluation.anomaly.detectors import FITS, WHOLE
from components.evaluation.anomaly.figures import average_precision
from components.evaluation.anomaly.scorer import _folds, fit_scorer, held_out
from components.evaluation.anomaly.threshold import alarm_threshold, false_alarms


def data(seed=0, count=600, odd=30):
    """Two kinds of features; anomalies are far out in the first alone."""
    random = np.random.default_rng(seed)
    plain, learnt = random.normal(size=(count, 3)), random.normal(size=(count, 5))
    plain[:odd] *= 4
    return {"columns": plain, "features": learnt}, np.arange(count) < odd


NONE = np.zeros(600, bool)


def test_the_score_is_the_rank_of_the_mean_of_ranks():
    given, _ = data()
    scorer = fit_scorer(given, NONE)
    asked, _ = data(1)
    found = scorer.scored(asked)
    assert (
        list(found.ranks) == scorer.names == [f"{name}, {kind}" for kind in given for name in (WHOLE, *FITS)]
    )
    mean = np.mean([found.ranks[name] for name in found.ranks], axis=0)
    own = np.mean(list(scorer.scored(given).ranks.values()), axis=0)
    np.testing.assert_allclose(found.score, ranks(np.sort(own), mean))
    assert found.score.min() >= 0
    assert found.score.max() < 1


@pytest.mark.parametrize("labelled", [0, 6])
def test_of_training_samples_the_score_is_even(labelled):
    given, _ = data()
    score = fit_scorer(given, np.arange(600) < labelled).scored(given).score
    np.testing.assert_allclose(np.sort(score), (np.arange(600) + 0.5) / 601, atol=2e-3)


def test_a_sample_is_scored_the_same_alone_and_among_others():
    given, odd = data()
    known = odd & (np.arange(600) < 5)
    asked, _ = data(1)
    for scorer in (fit_scorer(given, NONE), fit_scorer(given, known)):
        together = scorer.scored(asked).score
        alone = [scorer.scored({kind: x[k : k + 1] for kind, x in asked.items()}).score[0] for k in range(10)]
        np.testing.assert_allclose(together[:10], alone, atol=1e-12)


def test_labels_raise_the_average_precision():
    given, odd = data(odd=60)
    given["columns"][:30] = np.random.default_rng(5).normal(size=(30, 3)) * 0.05 + [
        1.2,
        -1.2,
        1.2,
    ]  # not far out
    asked, truth = data(1, odd=60)
    asked["columns"][:30] = np.random.default_rng(6).normal(size=(30, 3)) * 0.05 + [1.2, -1.2, 1.2]
    known = odd & (np.arange(600) % 3 == 0)
    plain, told = fit_scorer(given, NONE), fit_scorer(given, known)
    assert plain.head is None
    assert told.head is not None
    before, after = (average_precision(one.scored(asked).score, truth) for one in (plain, told))
    assert after > before + 0.1


def test_two_labels_are_too_few_for_a_head():
    given, _ = data()
    assert fit_scorer(given, np.arange(600) < 2).head is None
    assert fit_scorer(given, np.arange(600) < 3).head is not None


def test_the_rate_of_false_alarms_is_kept_on_new_samples():
    rates = []
    for seed in range(6):
        given, _ = data(seed, odd=0)
        new, _ = data(seed + 100, odd=0)
        limit = alarm_threshold(held_out(given, NONE, seed), 0.05)
        rates.append(false_alarms(fit_scorer(given, NONE, seed).scored(new).score, NONE, limit))
    assert 0.03 < np.mean(rates) < 0.06


def test_folds_are_even_and_so_are_the_anomalies_in_them():
    fold = _folds(np.arange(100) < 7, 3, 0)
    assert sorted(np.bincount(fold)) == [33, 33, 34]
    assert sorted(np.bincount(fold[:7])) == [2, 2, 3]


def test_no_features():
    with pytest.raises(UserError, match="features of one kind or more are required"):
        fit_scorer({}, NONE)
