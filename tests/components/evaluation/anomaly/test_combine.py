"""Excesses, their mean, and ranks: by hand."""

import numpy as np
import pytest

from components.errors import UserError
from components.evaluation.anomaly.combine import excess, fit_mean_of_excesses, ranks


def test_by_hand():
    own = {"a": np.arange(101.0), "b": np.arange(101.0)[::-1] * 2}
    combined = fit_mean_of_excesses(own)
    new = {"a": np.array([50.0, 95.0, 140.0, 5.0]), "b": np.array([100.0, 100.0, 190.0, 100 + 90 * 17])}
    np.testing.assert_allclose(combined.scores(new), [0, 1 / 2, 3 / 2, (-1 + 10 + np.log(8)) / 2])
    np.testing.assert_allclose(
        combined.ranks(new)["a"], [50.5 / 102, 95.5 / 102, (101 + 40 / 90) / 102, 5.5 / 102]
    )


def test_where_scores_have_no_spread():
    np.testing.assert_allclose(excess(np.array([0.0] * 99 + [4.0]), np.array([0.0, 2.0, 4.0])), [0, 0.5, 1])
    np.testing.assert_allclose(excess(np.ones(5), np.array([1.0, 7.0])), [0, 0])


def test_what_one_detector_finds_far_out_stays_far_out():
    """The first sample is 8 units out for one of four detectors, the second .9 for each of them."""
    own = {name: np.arange(101.0) for name in "abcd"}
    new = {name: np.array([50.0 if name != "a" else 410.0, 90.0]) for name in "abcd"}
    found = fit_mean_of_excesses(own)
    assert found.scores(new)[0] > 2 * found.scores(new)[1]
    ranked = np.mean(list(found.ranks(new).values()), axis=0)
    assert ranked[0] < ranked[1]  # which is why ranks are not averaged


def test_ranks_tell_apart_what_lies_above_all_training_samples():
    own = np.arange(100.0)
    found = ranks(own, np.array([-5.0, 50.0, 99.0, 99.5, 1e3, 1e9]))
    assert (np.diff(found) > 0).all()
    assert found[0] == 0
    assert found[1] == pytest.approx(50.5 / 101)
    assert 100 / 101 < found[3] < found[-1] < 1
    np.testing.assert_allclose(ranks(np.ones(4), np.array([1.0, 0.0])), [2 / 5, 0])


def test_neither_unit_nor_zero_of_a_detector_matters():
    random = np.random.default_rng(0)
    own = {"a": random.normal(size=50), "b": random.normal(size=50)}
    new = {"a": random.normal(size=9), "b": random.normal(size=9)}
    moved = fit_mean_of_excesses({name: 1e6 * scores - 7 for name, scores in own.items()})
    found = moved.scores({name: 1e6 * scores - 7 for name, scores in new.items()})
    np.testing.assert_allclose(found, fit_mean_of_excesses(own).scores(new), rtol=1e-8)


def test_what_does_not_fit():
    with pytest.raises(UserError, match="same samples"):
        fit_mean_of_excesses({"a": np.ones(3), "b": np.ones(4)})
    with pytest.raises(UserError, match="same samples"):
        fit_mean_of_excesses({})
    with pytest.raises(UserError, match="scores of a are required, got b"):
        fit_mean_of_excesses({"a": np.ones(3)}).scores({"b": np.ones(3)})
