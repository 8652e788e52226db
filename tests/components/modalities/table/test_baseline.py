"""The simple models: tuned on their labels alone, with probabilities of all classes."""

import numpy as np
import pytest
import torch

from components.encoders.rows import Rows, RowsConfig
from components.encoders.trees import trees_of
from components.errors import UserError
from components.modalities.table import baseline
from components.modalities.table.baseline import (
    fit_boosting,
    fit_logistic,
    fit_neighbours,
    folds_of,
    plain_rows,
)
from tests.components.modalities.table.toys import column, mixed, pack


@pytest.fixture(autouse=True)
def _fewer_boostings(monkeypatch):
    monkeypatch.setattr(baseline, "BOOSTINGS", baseline.BOOSTINGS[:2])
    monkeypatch.setattr(baseline, "ROUNDS", (10, 40))


FITS = {"boosting": fit_boosting, "logistic": fit_logistic, "neighbours": fit_neighbours}


@pytest.fixture(scope="module")
def data():
    rows, packing, _ = pack(mixed(300))
    size, colour = rows[:, column(packing, "size")], rows[:, column(packing, "colour")]
    return rows, packing, (size > 0).astype(np.int64) + (colour == colour.max())


@pytest.mark.parametrize("name", FITS)
def test_it_learns_and_gives_probabilities_of_all_classes(data, name):
    rows, packing, labels = data
    fitted = FITS[name](rows[:120], labels[:120], 4, packing)  # class 3 has no label
    p = fitted.probabilities(rows[120:])
    assert p.shape == (180, 4)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert (p[:, 3] == 0).all()
    right = (p.argmax(1) == labels[120:]).mean()
    assert right > 0.2 + max(np.bincount(labels)) / len(labels)
    assert fitted.likelihood > -np.log(3)


@pytest.mark.parametrize("name", FITS)
def test_the_choice_depends_on_the_labels_given_alone(data, name):
    rows, packing, labels = data
    one = FITS[name](rows[:60], labels[:60], 3, packing)
    two = FITS[name](rows[:60].copy(), labels[:60].copy(), 3, packing)
    assert (one.options, one.likelihood) == (two.options, two.likelihood)


@pytest.mark.parametrize("name", FITS)
def test_few_labels(data, name):
    rows, packing, labels = data
    two = [int(np.flatnonzero(labels == c)[0]) for c in (0, 1)]
    p = FITS[name](rows[two], labels[two], 3, packing).probabilities(rows)
    assert np.isfinite(p).all()
    with pytest.raises(UserError, match="labels of 2 classes or more are required, got 1"):
        FITS[name](rows[two[:1]], labels[two[:1]], 3, packing)


def test_strength_is_chosen_by_likelihood(data):
    """Labels of pure chance call for the strongest penalty, true ones do not."""
    rows, packing, labels = data
    chance = np.random.default_rng(0).integers(0, 2, 100)
    assert fit_logistic(rows[:100], chance, 2, packing).options["C"] < 0.1
    assert fit_logistic(rows[:100], labels[:100], 3, packing).options["C"] >= 0.1


@pytest.mark.parametrize("chance", [False, True])
def test_every_number_of_rounds_is_read_off_one_fit(data, chance):
    """The likelihoods of the grid are those of a fit for each of its members. Labels of chance call for few rounds."""
    from sklearn.ensemble import HistGradientBoostingClassifier as Boosting

    rows, packing, labels = data
    x, y = rows[:60], np.random.default_rng(0).integers(0, 3, 60) if chance else labels[:60]
    fold = folds_of(y, 5)

    def likelihood(**options):
        each = np.empty(len(y))
        for number in range(5):
            out = fold == number
            peer = Boosting(categorical_features=packing.categorical, random_state=0, **options)
            p = peer.fit(x[~out], y[~out]).predict_proba(x[out])
            each[out] = np.log(np.maximum(p[np.arange(out.sum()), y[out]], 1e-6))
        return each.mean()

    grid = [{**options, "max_iter": rounds} for options in baseline.BOOSTINGS for rounds in (10, 40)]
    found = [likelihood(**options) for options in grid]
    fitted = fit_boosting(x, y, 3, packing)
    assert fitted.options == grid[int(np.argmax(found))]
    assert fitted.options["max_iter"] == (10 if chance else 40)
    assert fitted.likelihood == pytest.approx(max(found), abs=1e-9)
    assert len({round(value, 9) for value in found}) == len(grid)


def test_its_features_are_those_of_the_encoder(data):
    rows, packing, _ = data
    encoder = Rows(RowsConfig(), packing)
    np.testing.assert_array_equal(plain_rows(packing)(rows), encoder(torch.from_numpy(rows)).numpy())


def test_a_boosting_becomes_an_encoder(data):
    rows, packing, labels = data
    fitted = fit_boosting(rows[:100], labels[:100], 3, packing)
    scores = trees_of(fitted.estimator, packing)(torch.from_numpy(rows))
    np.testing.assert_allclose(scores.softmax(dim=1).numpy(), fitted.probabilities(rows), atol=1e-6)


def test_folds_hold_each_class_evenly():
    labels = np.array([0] * 10 + [1] * 7 + [2] * 3)
    fold = folds_of(labels, 5)
    for label in range(3):
        count = np.bincount(fold[labels == label], minlength=5)
        assert count.max() - count.min() <= 1
    assert np.bincount(fold).tolist() == [4] * 5
