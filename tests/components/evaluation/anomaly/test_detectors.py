"""All detectors on one table: each finds what lies apart, and so does their combination."""

import numpy as np
import pytest

from components.errors import UserError
from components.evaluation.anomaly.detectors import COMBINED, FITS, KINDS, WHOLE, fit_detectors
from components.evaluation.anomaly.figures import average_precision


def data(seed=0):
    random = np.random.default_rng(seed)
    normal = random.normal(size=(600, 4)) @ random.normal(size=(4, 4)) * [1, 100, 0.01, 1]
    odd = normal[:20] * random.choice([-4, 4], size=(20, 4))
    return np.concatenate([normal[20:], odd]), np.repeat([False, True], [580, 20])


def test_each_finds_what_lies_apart():
    x, odd = data()
    scores = fit_detectors(x).scores(x)
    assert list(scores) == [WHOLE, *FITS, COMBINED]
    for name, found in scores.items():
        assert average_precision(found, odd) > 0.5, name
    each = [average_precision(scores[name], odd) for name in FITS]
    assert average_precision(scores[COMBINED], odd) > np.mean(each)


def test_units_do_not_matter():
    x, _ = data()
    one, two = (
        fit_detectors(x).scores(x),
        fit_detectors(x * [8.0, 0.25, 2.0, 64.0]).scores(x * [8.0, 0.25, 2.0, 64.0]),
    )
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-6)


def test_new_samples_are_scored_one_by_one():
    x, _ = data()
    new, _ = data(1)
    detectors = fit_detectors(x)
    together, alone = detectors.scores(new[:5]), [detectors.scores(new[k : k + 1]) for k in range(5)]
    for name, found in together.items():
        np.testing.assert_allclose(found, [one[name][0] for one in alone], rtol=1e-9)


def test_a_constant_column_changes_nothing_that_counts():
    x, odd = data()
    scores = fit_detectors(np.column_stack([x, np.ones(len(x))])).scores(
        np.column_stack([x, np.ones(len(x))])
    )
    assert average_precision(scores[COMBINED], odd) > 0.6


def test_missing_values_are_refused():
    x, _ = data()
    x[3, 2] = np.nan
    with pytest.raises(UserError, match="a detector needs finite values"):
        fit_detectors(x)


def test_a_second_fit_leaves_out_a_group_of_anomalies():
    random = np.random.default_rng(0)
    x = np.concatenate([random.normal(size=(950, 3)), 3 + 0.2 * random.normal(size=(50, 3))])
    odd = np.repeat([False, True], [950, 50])
    points = (x - x.mean(axis=0)) / x.std(axis=0)
    first = {name: average_precision(fit(points, 0).scores(points), odd) for name, fit in FITS.items()}
    found = fit_detectors(x)
    assert isinstance(found.fitted["ecod"], KINDS["ecod"])
    assert len(found.fitted["ecod"].ordered) == 900
    scores = found.scores(x)
    for name in FITS:
        assert average_precision(scores[name], odd) > 0.999 > first[name], name
    assert first["isolation forest"] < 0.8
    assert average_precision(scores[COMBINED], odd) > 0.98


def test_labelled_anomalies_are_left_out_of_the_second_fit():
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2))
    known = np.zeros(400, bool)
    known[:30] = True  # in the middle of the others: no detector would find them
    x[:30] *= 0.05
    plain, told = fit_detectors(x), fit_detectors(x, anomaly=known)
    assert len(told.fitted["ecod"].ordered) < len(plain.fitted["ecod"].ordered) - 20
    assert len(told.fitted["ecod"].ordered) > 300
    middle = np.zeros((1, 2))
    assert told.ranks(middle)["neighbours"] > plain.ranks(middle)["neighbours"]


@pytest.mark.parametrize("count", [2, 19, 25])
def test_few_samples(count):
    x = np.random.default_rng(0).normal(size=(count, 2))
    scores = fit_detectors(x).scores(x)
    assert all(np.isfinite(found).all() for found in scores.values())


def test_nine_tenths_that_are_equal():
    x = np.concatenate([np.zeros((95, 2)), np.eye(2), 3 * np.eye(2), [[5.0, 5.0]]])
    scores = fit_detectors(x).scores(x)  # the second fit would be on equal samples
    assert scores[COMBINED].argmax() == 99
    assert list(scores) == [*FITS, COMBINED]
