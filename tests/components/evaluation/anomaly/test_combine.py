"""Mean of ranks: by hand."""

import numpy as np
import pytest

from components.errors import UserError
from components.evaluation.anomaly.combine import fit_mean_of_ranks, ranks


def test_by_hand():
    combined = fit_mean_of_ranks(
        {"a": np.array([3.0, 1.0, 2.0, 2.0]), "b": np.array([10.0, 40.0, 20.0, 30.0])}
    )
    found = combined.scores({"a": np.array([2.0, 0.0, 9.0]), "b": np.array([25.0, 5.0, 40.0])})
    # 9 is six spreads (3 - 2) above the largest of a, so it gets 6/7 of the place of one sample more
    np.testing.assert_allclose(found, [(2 / 5 + 2 / 5) / 2, 0.0, ((4 + 6 / 7) / 5 + 3.5 / 5) / 2])


def test_ranks_tell_apart_what_lies_above_all_training_samples():
    own = np.arange(100.0)
    found = ranks(own, np.array([-5.0, 50.0, 99.0, 99.5, 1e3, 1e9]))
    assert (np.diff(found) > 0).all()
    assert found[0] == 0
    assert found[1] == pytest.approx(50.5 / 101)
    assert 100 / 101 < found[3] < found[-1] < 1
    np.testing.assert_allclose(ranks(np.ones(4), np.array([1.0, 0.0])), [2 / 5, 0])


def test_units_do_not_matter():
    random = np.random.default_rng(0)
    own = {"a": random.normal(size=50), "b": random.normal(size=50)}
    new = {"a": random.normal(size=9), "b": random.normal(size=9)}
    stretched = {name: np.exp(3 * scores) for name, scores in own.items()}
    found = fit_mean_of_ranks(stretched).scores({name: np.exp(3 * scores) for name, scores in new.items()})
    np.testing.assert_allclose(found, fit_mean_of_ranks(own).scores(new))


def test_what_does_not_fit():
    with pytest.raises(UserError, match="same samples"):
        fit_mean_of_ranks({"a": np.ones(3), "b": np.ones(4)})
    with pytest.raises(UserError, match="same samples"):
        fit_mean_of_ranks({})
    with pytest.raises(UserError, match="scores of a are required, got b"):
        fit_mean_of_ranks({"a": np.ones(3)}).scores({"b": np.ones(3)})
