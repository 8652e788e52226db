"""Intervals of average precision: against scikit-learn with weights, and their coverage."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score

from components.errors import UserError
from components.evaluation.anomaly.figures import average_precision
from components.evaluation.anomaly.intervals import _steps, precision_intervals, weighted_precision, wilson


def test_weights_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    scores = np.round(random.normal(size=80), 1)  # with ties
    anomaly, times = random.random(80) < 0.3, random.integers(0, 4, 80).astype(float)
    order, last = _steps(scores)
    found = weighted_precision(times[order], anomaly[order], last)
    assert found == pytest.approx(average_precision_score(anomaly, scores, sample_weight=times))
    one = weighted_precision(np.ones(80), anomaly[order], last)
    assert one == pytest.approx(average_precision(scores, anomaly))


def test_figures_and_differences():
    random = np.random.default_rng(0)
    anomaly = np.arange(400) < 40
    good, bad = random.normal(size=400) + 3 * anomaly, random.normal(size=400) + anomaly
    of, over = precision_intervals({"model": good, "bad": bad, "same": good}, anomaly, resamples=300)
    for name, scores in (("model", good), ("bad", bad)):
        assert of[name].value == pytest.approx(average_precision(scores, anomaly))
        assert of[name].low < of[name].value < of[name].high
    assert over["bad"].value == pytest.approx(of["model"].value - of["bad"].value)
    assert over["bad"].low > 0
    assert over["same"].low == over["same"].high == 0
    assert "model" not in over


def test_the_interval_covers_the_truth():
    """The expectation over many sets lies in nine of ten intervals or more."""
    random = np.random.default_rng(0)
    anomaly = np.arange(500) < 60

    def draw():
        return random.normal(size=500) + 2 * anomaly

    truth = np.mean([average_precision(draw(), anomaly) for _ in range(300)])
    inside = 0
    for seed in range(60):
        of, _ = precision_intervals({"model": draw()}, anomaly, resamples=200, seed=seed)
        inside += of["model"].low <= truth <= of["model"].high
    assert inside >= 52


def test_what_cannot_be_measured():
    with pytest.raises(UserError, match="one anomaly or more"):
        precision_intervals({"model": np.arange(4.0)}, np.zeros(4, bool))
    with pytest.raises(UserError, match="samples that are no anomalies are required"):
        precision_intervals({"model": np.arange(4.0)}, np.ones(4, bool))


def test_of_few_anomalies_a_faultless_ranking_is_no_certainty():
    """Of 7 of 7 the interval of Wilson begins at 7 / (7 + 1.96^2); of 60 resamples are enough."""
    scores = np.arange(100.0)
    of, over = precision_intervals({"model": scores, "same": scores}, scores >= 93, resamples=50)
    assert of["model"].low == pytest.approx(7 / (7 + 1.959964**2), abs=1e-4)
    assert of["model"].value == of["model"].high == 1
    assert over["same"].low == over["same"].high == 0
    of, _ = precision_intervals({"model": scores}, scores >= 40, resamples=50)
    assert of["model"].low == 1


@pytest.mark.parametrize(("share", "trials"), [(0.0, 12), (0.3, 20), (0.9, 40)])
def test_wilson_is_that_of_scipy(share, trials):
    wanted = binomtest(round(share * trials), trials).proportion_ci(method="wilson")
    assert wilson(share, trials) == pytest.approx((wanted.low, wanted.high), abs=1e-9)
