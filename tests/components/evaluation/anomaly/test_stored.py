"""A scorer as arrays and back gives the same scores to the last bit."""

import numpy as np
import pytest

from components.evaluation.anomaly.scorer import fit_scorer
from components.evaluation.anomaly.stored import arrays_of, scorer_of


@pytest.mark.parametrize("labelled", [0, 5])
def test_there_and_back(labelled):
    random = np.random.default_rng(0)
    given = {"columns": random.normal(size=(200, 3)), "features": random.normal(size=(200, 6))}
    scorer = fit_scorer(given, np.arange(200) < labelled)
    arrays = arrays_of(scorer)
    assert {value.dtype.str for value in map(np.asarray, arrays.values())} <= {"<f8", "<i8"}
    assert not any("." in name for name in arrays)
    back = scorer_of({name: np.array(value) for name, value in arrays.items()})
    assert back.names == scorer.names
    one, two = scorer.scored(given), back.scored(given)
    np.testing.assert_array_equal(one.score, two.score)
    for name, rank in one.ranks.items():
        np.testing.assert_array_equal(rank, two.ranks[name])
    assert (back.head is None) == (labelled == 0)


def test_few_samples_have_one_fit_alone():
    x = np.random.default_rng(0).normal(size=(12, 2))
    scorer = fit_scorer({"columns": x}, np.zeros(12, bool))
    back = scorer_of({name: np.array(value) for name, value in arrays_of(scorer).items()})
    assert len(back.names) == 4
    np.testing.assert_array_equal(back.scored({"columns": x}).score, scorer.scored({"columns": x}).score)
