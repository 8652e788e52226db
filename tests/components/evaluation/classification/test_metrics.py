import numpy as np
import pytest
from sklearn import metrics as peer

from components.evaluation.classification.metrics import accuracy, confusion, f1_of, macro_f1, per_class


def draw(seed, classes=5, rows=60, missing=()):
    rng = np.random.default_rng(seed)
    allowed = [k for k in range(classes) if k not in missing]
    return rng.choice(allowed, rows), rng.choice(allowed, rows)


@pytest.mark.parametrize("missing", [(), (2,), (0, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_all_figures_equal_scikit_learn(seed, missing):
    labels, predicted = draw(seed, missing=missing)
    counts = confusion(labels, predicted, 5)
    np.testing.assert_array_equal(counts, peer.confusion_matrix(labels, predicted, labels=range(5)))
    assert accuracy(labels, predicted) == pytest.approx(peer.accuracy_score(labels, predicted))
    assert float(macro_f1(counts)) == pytest.approx(peer.f1_score(labels, predicted, average="macro"))
    expected = peer.precision_recall_fscore_support(labels, predicted, labels=range(5), zero_division=0)
    ours = per_class(counts)
    for name, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose([getattr(c, name) for c in ours], column)


def test_rows_of_the_confusion_matrix_are_the_truth():
    np.testing.assert_array_equal(confusion([0, 0, 1], [1, 0, 1], 2), [[1, 1], [0, 1]])


def test_by_hand():
    figures = per_class(confusion([0, 0, 0, 1], [0, 0, 1, 1], 2))
    assert (figures[0].precision, figures[0].recall, figures[0].support) == (1.0, pytest.approx(2 / 3), 3)
    assert (figures[1].precision, figures[1].recall, figures[1].support) == (0.5, 1.0, 1)


def test_f1_of_many_tables_at_once_equals_one_by_one():
    tables = np.stack([confusion(*draw(seed), 5) for seed in range(4)])
    np.testing.assert_allclose(f1_of(tables), [f1_of(t) for t in tables])
    np.testing.assert_allclose(macro_f1(tables), [macro_f1(t) for t in tables])


@pytest.mark.parametrize(
    ("labels", "predicted", "word"),
    [([0, 3], [0, 0], "3"), ([0], [0, 1], "equal"), ([], [], "N >= 1"), ([-1], [0], "-1")],
)
def test_refuses_what_is_no_class(labels, predicted, word):
    with pytest.raises(ValueError, match=word):
        confusion(np.array(labels, dtype=int), np.array(predicted, dtype=int), 3)
